import { nearest, type CommandOutcome } from 'tailrace/adapter'
import { actorOf, admit, type EndpointContext } from './endpoint-context.ts'
import { jsonReply, type Inbound, type Reply } from './exchange.ts'
import { refuseUnknownFields } from './input-shape.ts'
import { problemReply, ProblemError, rejectionReply } from './problem.ts'
import { rejectionStatus } from './problem-status.ts'
import { readJsonBody } from './read-json.ts'
import {
  expectedVersionOf,
  idempotencyKeyOf,
  preferenceApplied,
  preferencesOf,
  traceparentOf,
} from './request-headers.ts'

/** `POST /commands/{name}` of a command that there is: the body is the input. */
export async function commandEndpoint(
  context: EndpointContext,
  request: Inbound,
  name: string,
): Promise<Reply> {
  const command = context.engine.app.commands[name]!
  const actor = await actorOf(context, request)
  admit(command.may, actor, `command "${name}"`)
  const idempotencyKey = idempotencyKeyOf(request)
  const expectedVersion = expectedVersionOf(request)
  const preferences = preferencesOf(request)
  const input = await readJsonBody(request, context)
  refuseUnknownFields(command.input, input)
  const outcome = await context.engine.command(name, input, {
    actor,
    idempotencyKey,
    expectedVersion,
    traceparent: traceparentOf(request),
    waitMs: preferences.waitMs,
  })
  return replyTo(name, outcome, preferenceApplied({ ...preferences, consistency: undefined }))
}

function replyTo(name: string, outcome: CommandOutcome, headers: Record<string, string>): Reply {
  if (outcome.kind !== 'refused' && outcome.replayed) headers['idempotency-replayed'] = 'true'
  if (outcome.kind === 'committed') {
    const { commandId, aggregateId, version, token } = outcome
    headers['consistency-token'] = token
    headers['cache-control'] = 'no-store'
    return jsonReply(200, { commandId, aggregateId, version, token }, headers)
  }
  if (outcome.kind === 'rejected') {
    const { code, commandId, detail } = outcome
    return rejectionReply(rejectionStatus[outcome.rejection], code, name, detail, {
      commandId,
      headers,
    })
  }
  return problemReply(outcome.code, outcome.message, {
    errors: outcome.issues,
    commandId: outcome.commandId,
    headers,
    ...(outcome.current === undefined ? {} : { members: { current: outcome.current } }),
  })
}

export function unknownCommand(name: string, known: readonly string[]): ProblemError {
  return new ProblemError(
    'COMMAND_UNKNOWN',
    `expected the name of a command, got "${name.slice(0, 80)}"${nearest(name.slice(0, 80), known)}`,
  )
}
