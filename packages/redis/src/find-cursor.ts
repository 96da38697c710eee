import { TailraceError } from 'tailrace/adapter'
import type { FindPlan } from './find-plan.ts'
import { valueEnd } from './ordered-value.ts'
import type { VersionAccess } from './version-access.ts'

/** Opaque to callers: the sort that it belongs to, and where the last entry stands in it. */
export function cursorOf({ names }: VersionAccess, { sortText }: FindPlan, rest: string): string {
  return Buffer.from(JSON.stringify([`${names.base}${sortText}`, rest])).toString('base64url')
}

export function restOfCursor({ names }: VersionAccess, plan: FindPlan, cursor: unknown): string {
  const parsed = parseCursor(cursor)
  if (
    Array.isArray(parsed) &&
    parsed.length === 2 &&
    parsed[0] === `${names.base}${plan.sortText}` &&
    typeof parsed[1] === 'string' &&
    holdsValues(parsed[1], plan.sorted)
  )
    return parsed[1]
  throw new TailraceError(
    'CURSOR_INVALID',
    `expected a cursor of an earlier answer with the same sort, got "${String(cursor).slice(0, 40)}"; start again without it`,
  )
}

function holdsValues(text: string, count: number): boolean {
  let at: number | undefined = 0
  for (let i = 0; i < count && at !== undefined; i++) at = valueEnd(text, at)
  return at !== undefined && text.isWellFormed()
}

/** However long it is: a cursor holds values and a key as long as a document may have them. */
function parseCursor(cursor: unknown): unknown {
  if (typeof cursor !== 'string') return undefined
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown
  } catch {
    return undefined
  }
}
