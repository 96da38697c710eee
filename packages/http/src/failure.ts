import { isTailraceError, type TailraceError } from 'tailrace/adapter'
import type { Inbound, Reply } from './exchange.ts'
import { problemReply, ProblemError } from './problem.ts'
import { isProblemCode, problemStatus, type ProblemCode } from './problem-status.ts'
import { traceIdOf } from './request-headers.ts'

/** Something of ours that broke while answering, or a server that was away. */
export interface Failure {
  readonly error: unknown
  readonly method: string
  readonly path: string
  /** 500, or 503 where a server was away. */
  readonly status: number
  /** The answer names it too, so that a report leads to this failure. */
  readonly traceId: string
}

type Told = Pick<Inbound, 'method' | 'path' | 'header'>

/**
 * What an endpoint threw, as a problem. Whoever asked learns no text of an unknown error and nothing that a server or its
 * driver said, such as addresses; `onFailure` learns all.
 */
export function problemOf(
  error: unknown,
  request: Told,
  onFailure: (failure: Failure) => void = logFailure,
): Reply {
  if (error instanceof ProblemError) return error.reply
  const code = isTailraceError(error) && isProblemCode(error.code) ? error.code : 'INTERNAL'
  const [status] = problemStatus[code]
  if (status < 500) return problemReply(code, (error as Error).message)
  const { method, path } = request
  const traceId =
    traceIdOf(request.header('traceparent')) ?? crypto.randomUUID().replaceAll('-', '')
  const away = awayText(code, path.startsWith('/commands/') && method === 'POST')
  if (status === 500 || away !== undefined) onFailure({ error, method, path, status, traceId })
  if (status === 500)
    return problemReply(code, 'something of ours is broken; its log has more under the trace id', {
      traceId,
    })
  const { message, details } = error as TailraceError
  const commandId = typeof details.commandId === 'string' ? details.commandId : undefined
  return problemReply(code, away ?? message, { traceId, commandId })
}

/** What is said where the message may repeat a driver's; undefined where it is our own. */
function awayText(code: ProblemCode, command: boolean): string | undefined {
  if (code === 'COMMAND_OUTCOME_UNKNOWN')
    return 'expected the write database to confirm the commit, got no answer; send it again with the same Idempotency-Key to learn whether it happened'
  if (code !== 'UNAVAILABLE') return undefined
  return command
    ? 'expected the servers that the command needs to answer, got none from one of them; nothing was changed: send it again later with the same Idempotency-Key'
    : 'expected the servers that the answer needs to answer, got none from one of them; ask again later'
}

const awayEveryMs = 1_000
let saidAwayAt = -awayEveryMs
let unsaid = 0

/** A server that is away fails every request, and its stack says nothing: one line a second, and how many there were. */
function logFailure({ error, method, path, status, traceId }: Failure): void {
  const what = `${method} ${path} failed, trace ${traceId}:`
  if (status === 500) return console.error(what, error)
  const now = performance.now()
  if (now - saidAwayAt < awayEveryMs) return void unsaid++
  const more = unsaid === 0 ? '' : ` (and ${unsaid} like it since the last line)`
  saidAwayAt = now
  unsaid = 0
  console.error(what, (error as Error).message + more)
}
