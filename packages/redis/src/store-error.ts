import { TailraceError, isTailraceError } from 'tailrace/adapter'

/** What to do about answers that name their reason in their first word. */
const remedies: Readonly<Record<string, string>> = {
  READONLY: 'it is a replica: give the address of the primary, or promote it',
  OOM: 'raise maxmemory or drop old versions of projections; nothing was written',
  MISCONF: 'it cannot save to its disk and refuses writes; look at its log',
  NOREPLICAS: 'it waits for its replicas before it writes',
  LOADING: 'it is loading its data',
  MASTERDOWN: 'it is a replica whose primary is away',
  CLUSTERDOWN: 'its cluster does not serve all slots',
  TRYAGAIN: 'its cluster moves slots',
  MOVED: 'its nodes do not agree on who keeps this projection',
  ASK: 'its cluster is moving this projection to another node',
  BUSY: 'it runs a script of somebody else that does not end',
  WRONGPASS: 'check user and password',
  NOAUTH: 'give user and password',
  NOPERM: 'its user may not do this; see the permissions in the documentation of the store',
}

/** Gives an error of the server or of its connection the code `UNAVAILABLE`: waiting, or mending the server, may help. */
export function storeError(error: unknown, where: string): unknown {
  if (isTailraceError(error)) return error
  const message = reasonOf(error)
  const remedy = remedies[firstWord(message)]
  if (remedy === undefined && isAnswer(error)) return error
  return new TailraceError(
    'UNAVAILABLE',
    `expected Redis at ${where} to do its work, got: ${message}${remedy === undefined ? '' : `; ${remedy}`}`,
    { cause: error, retryable: true },
  )
}

export function firstWord(message: string): string {
  return message.split(' ', 1)[0]!
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // A connection refused on several addresses says so only in its parts.
  const parts = error instanceof AggregateError ? error.errors.map(reasonOf).join(', ') : ''
  return error.message || parts || error.name || error.constructor.name
}

/** Whether the server answered, if only with an error. */
export function isAnswer(error: unknown): boolean {
  return (
    error instanceof Error && /^(SimpleError|BlobError|ErrorReply)$/.test(error.constructor.name)
  )
}
