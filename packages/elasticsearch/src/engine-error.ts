import { TailraceError } from 'tailrace/adapter'
import type { EngineAnswer } from './engine-client.ts'

/** What an engine says of a failure. */
export interface Reason {
  readonly type?: unknown
  readonly reason?: unknown
  readonly caused_by?: Reason
  readonly root_cause?: readonly Reason[]
}

/** What an answer that is no success means to the caller. */
export function engineError(what: string, { status, body }: EngineAnswer): TailraceError {
  const error = (body as { readonly error?: Reason | string } | undefined)?.error
  const text = reasonText(error) || (typeof body === 'string' ? body.slice(0, 200) : '')
  const got = `status ${status}${text === '' ? '' : `: ${text}`}`
  const details = { status, type: typeOf(error) }
  if (status === 401 || (status === 403 && !isBlock(error))) {
    return new TailraceError(
      'CONFIG',
      `expected credentials that the search engine accepts for ${what}, got ${got}; set auth of the store`,
      { details },
    )
  }
  if (status === 400 && what.endsWith('_search')) {
    return new TailraceError(
      'READ_UNSUPPORTED',
      `expected a search that the engine accepts, got ${got}`,
      { details },
    )
  }
  const remedy = isBlock(error) ? `; ${blockRemedy}` : status === 404 ? `; ${goneRemedy}` : ''
  return new TailraceError(
    'UNAVAILABLE',
    `expected the search engine to answer ${what}, got ${got}${remedy}`,
    { details, retryable: true },
  )
}

export const blockRemedy =
  'the index takes no writes (a full disk sets this block): free space, or clear index.blocks'
const goneRemedy = 'the version may have been dropped by another process'

/** Whether an index or the cluster is closed to writes. */
export function isBlock(error: Reason | string | undefined): boolean {
  return typeOf(error) === 'cluster_block_exception'
}

export function typeOf(error: Reason | string | undefined): string | undefined {
  const type = typeof error === 'object' ? error.type : undefined
  return typeof type === 'string' ? type : undefined
}

/** The first words of what the engine says, down to the cause that names the field. */
export function reasonText(error: Reason | string | undefined): string {
  if (error === undefined || error === null) return ''
  if (typeof error === 'string') return error.slice(0, 300)
  const { type, reason } = error.root_cause?.[0] ?? error
  const own = [type, reason].filter((part) => typeof part === 'string').join(': ')
  const cause = reasonText(error.caused_by)
  return `${own.slice(0, 300)}${cause === '' ? '' : ` (${cause.slice(0, 300)})`}`
}
