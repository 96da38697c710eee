import { TailraceError, isTailraceError, type ErrorCode } from 'tailrace/adapter'
import { guardStates } from './apply-statement.ts'
import { isConnectionError } from './connection-error.ts'

const guards: Readonly<Record<string, readonly [ErrorCode, string, boolean]>> = {
  [guardStates.moved]: [
    'PROJECTION_FENCED',
    'a checkpoint stands elsewhere or was written under a higher fence',
    true,
  ],
  [guardStates.ahead]: [
    'PROJECTION_KEY_CROSSES_STREAMS',
    'a document is ahead of the range that its event belongs to',
    false,
  ],
  [guardStates.parked]: [
    'PARKED_KEY_CHANGED',
    'the key of a diverted event is not parked any more',
    true,
  ],
}

/**
 * Whether waiting and repeating may help: the server is away, restarting, full, or chose us as the victim of a deadlock.
 * Only what a connection threw can say so: the code or text of any other error is somebody else's.
 */
export function isTransient(error: unknown): boolean {
  if (!isConnectionError(error)) return false
  const code = codeOf(error)
  if (code === undefined) return error instanceof Error && lost.test(error.message)
  return /^(08|53|57P0|58|40|55P03|25P03|25006|EAI_AGAIN|ECONN|EPIPE|ENOTFOUND|ETIMEDOUT|EHOST|ENET)/.test(
    code,
  )
}

/** What `pg` says of connections. It also throws what it finds wrong with a statement, in words of the statement. */
const lost =
  /^(Connection terminated|Query read timeout|timeout e(xceeded|xpired)|Client (has encountered|was closed)|.*closed the connection)/

export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** Gives the store's errors their codes: guards of our statements, and a server that does not answer. */
export function storeError(error: unknown, projection: string): unknown {
  if (isTailraceError(error)) return error
  const guard = guards[codeOf(error) ?? '']
  const message = error instanceof Error ? error.message : String(error)
  if (guard !== undefined) {
    const [code, what, retryable] = guard
    return new TailraceError(code, `${message} of projection "${projection}": ${what}`, {
      cause: error,
      retryable,
    })
  }
  if (isTransient(error)) {
    return new TailraceError(
      'UNAVAILABLE',
      `expected the read database to answer, got: ${message}`,
      { cause: error, retryable: true },
    )
  }
  return error
}
