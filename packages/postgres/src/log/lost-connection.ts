import { isTailraceError, TailraceError } from 'tailrace/adapter'

/**
 * Makes what a caller can act on of a database error: `UNAVAILABLE` when the server or the way to it is gone, the error
 * itself otherwise.
 */
export function asUnavailable(error: unknown): unknown {
  if (isTailraceError(error) || !isLostConnection(error)) return error
  return new TailraceError(
    'UNAVAILABLE',
    `expected the write database to answer, got "${error instanceof Error ? error.message : String(error)}"; it is tried again`,
    { cause: error, retryable: true },
  )
}

/** SQLSTATE classes and socket errors that say nothing about the statement, only that nobody answers. */
export function isLostConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  if (/^(08...|57P0[1-5]|25P03|53300|E[A-Z]{4,})$/.test(code)) return true
  return code === '' && /terminated|not queryable|timeout|ended|closed/i.test(error.message)
}
