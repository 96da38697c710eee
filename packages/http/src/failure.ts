import { isTailraceError } from 'tailrace/adapter'
import type { Inbound, Reply } from './exchange.ts'
import { problemReply, ProblemError } from './problem.ts'
import { isProblemCode, problemStatus } from './problem-status.ts'
import { traceIdOf } from './request-headers.ts'

/** Something of ours that broke while answering. */
export interface Failure {
  readonly error: unknown
  readonly method: string
  readonly path: string
  /** The answer names it too, so that a report leads to this failure. */
  readonly traceId: string
}

/** What an endpoint threw, as a problem. Whoever asked learns no text of an unknown error; `onFailure` learns all. */
export function problemOf(
  error: unknown,
  request: Inbound,
  onFailure: (failure: Failure) => void = logFailure,
): Reply {
  if (error instanceof ProblemError) return error.reply
  const code = isTailraceError(error) && isProblemCode(error.code) ? error.code : 'INTERNAL'
  const [status] = problemStatus[code]
  const traceId =
    traceIdOf(request.header('traceparent')) ?? crypto.randomUUID().replaceAll('-', '')
  if (status === 500) {
    onFailure({ error, method: request.method, path: request.path, traceId })
    return problemReply(code, 'something of ours is broken; its log has more under the trace id', {
      traceId,
    })
  }
  return problemReply(code, (error as Error).message, status > 500 ? { traceId } : {})
}

function logFailure({ error, method, path, traceId }: Failure): void {
  console.error(`${method} ${path} failed, trace ${traceId}:`, error)
}
