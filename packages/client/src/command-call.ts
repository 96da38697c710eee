import type { Accepted } from 'tailrace'
import { commonHeaders, type ClientContext } from './client-context.ts'
import { ClientError } from './client-error.ts'
import { callWithRetries, errorOf, problemOf, type Received } from './http-call.ts'
import { newTraceparent, uuidv7 } from './identifiers.ts'
import type { Patch } from './query-view.ts'

export interface CommandCallOptions {
  /** Default: a new one. Give your own where you want to send the same intent again. */
  readonly idempotencyKey?: string
  /** The version of the aggregate that you saw; another one is answered with VERSION_CONFLICT. */
  readonly expectedVersion?: number
  readonly signal?: AbortSignal
  /** Default: a new trace. */
  readonly traceparent?: string
  /** What views show until the read models have the effect; made with `client.views.x(input).patch(…)`. */
  readonly optimistic?: readonly Patch[]
}

export type AnyCommandResult = Accepted | Rejected
type Rejected = { readonly ok: false; readonly code: string; readonly detail: unknown }

// Refusals that are no business of the rules: of whoever wrote the call, of the operator, of the network.
const noRejections: ReadonlySet<string> = new Set([
  'INPUT_INVALID',
  'IDEMPOTENCY_KEY_REUSED',
  'COMMAND_IN_PROGRESS',
  'COMMAND_UNKNOWN',
  'ROUTE_UNKNOWN',
])
const ownMembers: ReadonlySet<string> = new Set([
  'type',
  'title',
  'status',
  'code',
  'detail',
  'errors',
  'commandId',
  'traceId',
  'instance',
  'data',
])

/**
 * Sends a command, again with the same key while no answer comes: its effect happens once. Resolves to the result or a
 * rejection; rejects with a `ClientError` otherwise.
 */
export async function sendCommand(
  context: ClientContext,
  name: string,
  input: unknown,
  options: CommandCallOptions = {},
): Promise<AnyCommandResult> {
  const idempotencyKey = options.idempotencyKey ?? uuidv7(context.clock.now())
  const shown = (options.optimistic ?? []).map((patch) => patch.show())
  try {
    const sent = context.tokens.now()
    const received = await callWithRetries(
      {
        url: `${context.baseUrl}/commands/${encodeURIComponent(name)}`,
        method: 'POST',
        headers: await headersOf(context, idempotencyKey, options),
        body: JSON.stringify(input ?? {}),
        signal: options.signal,
      },
      context,
    )
    const result = resultOf(received, idempotencyKey)
    const replayed = received.headers.get('idempotency-replayed') === 'true'
    if (result.ok) context.tokens.wrote(result.token, replayed ? undefined : sent)
    for (const patch of shown) {
      if (result.ok) patch.committed()
      else patch.rejected()
    }
    if (result.ok) for (const view of context.watched) void view.refetch()
    return result
  } catch (error) {
    const refused =
      error instanceof ClientError &&
      error.status !== undefined &&
      error.status < 500 &&
      error.status !== 429
    for (const patch of shown) {
      if (refused) patch.rejected()
      else patch.unknown()
    }
    throw error
  }
}

async function headersOf(
  context: ClientContext,
  key: string,
  options: CommandCallOptions,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = {
    ...(await commonHeaders(context)),
    'content-type': 'application/json',
    'idempotency-key': key,
    traceparent: options.traceparent ?? newTraceparent(),
  }
  if (options.expectedVersion !== undefined) headers['if-match'] = `"${options.expectedVersion}"`
  return headers
}

function resultOf(received: Received, key: string): AnyCommandResult {
  const { status, body } = received
  if (status === 200) return { ok: true, ...(body as Omit<Accepted, 'ok'>) }
  const problem = problemOf(body)
  const rejection =
    problem !== undefined &&
    [404, 409, 412, 422].includes(status) &&
    !noRejections.has(problem.code)
  if (!rejection) throw errorOf(received, key)
  return { ok: false, code: problem.code, detail: detailOf(problem) }
}

/** The data of a rejection: whole under `data`, or in members of its own. */
function detailOf(problem: Readonly<Record<string, unknown>>): unknown {
  if ('data' in problem) return problem.data
  const members = Object.entries(problem).filter(([key]) => !ownMembers.has(key))
  return members.length === 0 ? undefined : Object.fromEntries(members)
}
