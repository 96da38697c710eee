import type { CommandStatus } from 'tailrace/adapter'
import { actorOf, admit, type EndpointContext } from './endpoint-context.ts'
import { entityTag } from './entity-tag.ts'
import { jsonReply, type Inbound, type Reply } from './exchange.ts'
import { ProblemError, titleOf } from './problem.ts'
import { matchesNone } from './request-headers.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether a part of an address has the form of a command's id. */
export function isCommandId(text: string): boolean {
  return uuid.test(text.toLowerCase())
}

/**
 * `GET /commands/{commandId}`: what became of a command, and which projections have it. Whoever has an identity may ask
 * after any id, and the id of a command with a key can be worked out, so nothing of what was asked or decided is in it:
 * the whole stored answer is had by sending the command again with its key, which only its sender can.
 */
export async function commandStatusEndpoint(
  context: EndpointContext,
  request: Inbound,
  id: string,
): Promise<Reply> {
  const { commands } = context.engine.app
  const open = Object.values(commands).some((command) => command.may === 'anyone')
  admit(
    open ? 'anyone' : 'authenticated',
    await actorOf(context, request),
    'the status of a command',
  )
  const status = await context.engine.commandStatus(id.toLowerCase())
  if (status === undefined)
    throw new ProblemError('COMMAND_UNKNOWN', `nothing is known of command ${id}`)
  const reply = jsonReply(200, shownOf(status), { 'cache-control': 'private, no-cache' })
  const etag = entityTag(reply.body!)
  reply.headers.etag = etag
  const moving =
    status.state === 'accepted' || (status.state === 'committed' && status.position === undefined)
  if (moving || Object.values(status.projections).includes('pending'))
    reply.headers['retry-after'] = '1'
  if (!matchesNone(request, etag)) return reply
  const { 'content-type': _, ...headers } = reply.headers
  return { status: 304, headers }
}

/** Neither the aggregate nor the data of a rejection: those are its sender's. */
function shownOf({
  commandId,
  name,
  state,
  position,
  version,
  rejection,
  projections,
}: CommandStatus) {
  return {
    commandId,
    name,
    state,
    position,
    version,
    ...(rejection === undefined
      ? {}
      : { rejection: { code: rejection.code, title: titleOf(rejection.code) } }),
    projections,
  }
}
