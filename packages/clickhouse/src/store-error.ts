import { isTailraceError, TailraceError } from 'tailrace/adapter'

/** What the server says when waiting, or an administrator, may help: it is away, full, overloaded, or does not let us in. */
const waitable: ReadonlySet<string> = new Set([
  '74', // CANNOT_READ_FROM_FILE_DESCRIPTOR
  '75', // CANNOT_WRITE_TO_FILE_DESCRIPTOR
  '76', // CANNOT_OPEN_FILE
  '159', // TIMEOUT_EXCEEDED
  '164', // READONLY
  '192', // UNKNOWN_USER
  '193', // WRONG_PASSWORD
  '202', // TOO_MANY_SIMULTANEOUS_QUERIES
  '209', // SOCKET_TIMEOUT
  '210', // NETWORK_ERROR
  '225', // NO_ZOOKEEPER
  '236', // ABORTED
  '241', // MEMORY_LIMIT_EXCEEDED
  '242', // TABLE_IS_READ_ONLY
  '243', // NOT_ENOUGH_SPACE
  '252', // TOO_MANY_PARTS
  '285', // TOO_FEW_LIVE_REPLICAS
  '286', // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  '319', // UNKNOWN_STATUS_OF_INSERT
  '497', // ACCESS_DENIED
  '516', // AUTHENTICATION_FAILED
  '999', // KEEPER_EXCEPTION
])

const unknownTable = '60'
const unknownDatabase = '81'

const network = /^(ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOST|ENET|UND_ERR|HPE_)/

/** Whether a table or the database is gone: another process dropped the version. */
export function isMissing(error: unknown): boolean {
  const code = codeOf(isTailraceError(error) ? error.cause : error)
  return code === unknownTable || code === unknownDatabase
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** Gives errors of the server and the network their codes. The server's own text stays: it says what is wrong. */
export function storeError(error: unknown): unknown {
  if (isTailraceError(error)) return error
  const code = codeOf(error) ?? ''
  const message = error instanceof Error ? error.message.trim() : String(error)
  const lost = /^(timeout error|socket hang up|aborted|the user aborted|premature close)/i.test(
    message,
  )
  if (!waitable.has(code) && !network.test(code) && !lost) return error
  const { type } = error as { readonly type?: unknown }
  const name = typeof type === 'string' ? `${code} ${type}: ` : code === '' ? '' : `${code}: `
  return new TailraceError('UNAVAILABLE', `expected ClickHouse to answer, got ${name}${message}`, {
    cause: error,
    retryable: true,
  })
}
