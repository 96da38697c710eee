import { isTailraceError } from 'tailrace/adapter'
import { isConnectionLost, unavailable } from '../write/database-errors.ts'

/** Makes `UNAVAILABLE` of the loss of a connection; any other error stays what it is. */
export function asUnavailable(error: unknown): unknown {
  return isTailraceError(error) || !isConnectionLost(error) ? error : unavailable(error)
}
