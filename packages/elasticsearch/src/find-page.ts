import { TailraceError } from 'tailrace/adapter'
import { fieldOf, type FieldKind } from './document-fields.ts'
import { keywordMax } from './field-values.ts'
import { pathOf, type FieldMap } from './find-filter.ts'

/** A sort criterion; the last one is always the key. */
export interface SortField {
  readonly path: string
  readonly kind: FieldKind
  readonly descending: boolean
}

/**
 * What documents without a value are sorted by: beyond every value that a document can hold. The engine's own stand-in for
 * whole numbers is beyond 2^53, where JSON numbers in a cursor would not come back as they were.
 */
const beyond: Readonly<Partial<Record<FieldKind, number>>> = {
  long: 2 ** 53,
  double: Number.MAX_VALUE,
  date: 253_402_300_800_000,
  boolean: 2,
}

/** The criteria of a sort, with the key at the end in the direction of the last field. Throws `READ_UNSUPPORTED`. */
export function sortOf(
  fields: FieldMap,
  sort: readonly (readonly [string, 'asc' | 'desc'])[],
): readonly SortField[] {
  const criteria = sort.map(([property, direction]): SortField => {
    const field = fieldOf(fields, property)
    if (field.kind === 'none' || field.list)
      throw new TailraceError('READ_UNSUPPORTED', `expected to sort by a scalar, got "${property}"`)
    if (direction !== 'asc' && direction !== 'desc')
      throw new TailraceError(
        'READ_UNSUPPORTED',
        `expected "asc" or "desc" for "${property}", got ${JSON.stringify(direction)}`,
      )
    return { path: pathOf(field), kind: field.kind, descending: direction === 'desc' }
  })
  const descending = criteria.at(-1)?.descending ?? false
  return [...criteria, { path: 'tr.key', kind: 'keyword', descending }]
}

/** The sort of a request. Absent values are the highest: last when ascending, first when descending. */
export function sortPart(sort: readonly SortField[]): readonly object[] {
  return sort.map(({ path, kind, descending }) => ({
    [path]: {
      order: descending ? 'desc' : 'asc',
      ...(path === 'tr.key' ? {} : { missing: beyond[kind] ?? (descending ? '_first' : '_last') }),
    },
  }))
}

/** Opaque to callers: the sort that it belongs to, and the last hit's values of it. */
export function cursorOf(
  version: string,
  sort: readonly SortField[],
  values: readonly unknown[],
): string {
  return Buffer.from(JSON.stringify([signature(version, sort), ...values])).toString('base64url')
}

/** The values of a cursor, to search after. Throws `CURSOR_INVALID`. */
export function cursorValues(
  version: string,
  sort: readonly SortField[],
  after: string,
): readonly unknown[] {
  const cursor = parse(after, sort)
  const valid =
    Array.isArray(cursor) &&
    cursor.length === sort.length + 1 &&
    cursor[0] === signature(version, sort) &&
    cursor.slice(1).every((value, i) => fits(sort[i]!, value))
  if (!valid) {
    throw new TailraceError(
      'CURSOR_INVALID',
      `expected a cursor of an earlier answer with the same sort, got "${String(after).slice(0, 40)}"; start again without it`,
    )
  }
  return cursor.slice(1)
}

function signature(version: string, sort: readonly SortField[]): string {
  return [version, ...sort.map(({ path, descending }) => `${path}${descending ? '-' : '+'}`)].join()
}

/** Of a text that is sorted by, in JSON where each letter is escaped, and in base64. */
const markLetters = keywordMax * 8

function parse(after: unknown, sort: readonly SortField[]): unknown {
  if (typeof after !== 'string' || after.length > (sort.length + 1) * markLetters) return undefined
  try {
    return JSON.parse(Buffer.from(after, 'base64url').toString()) as unknown
  } catch {
    return undefined
  }
}

/** Whether the engine can take a value of a cursor: callers may hand in anything. */
function fits({ kind, path }: SortField, value: unknown): boolean {
  if (kind === 'keyword' || kind === 'uuid')
    return value === null ? path !== 'tr.key' : typeof value === 'string' && value.isWellFormed()
  if (kind === 'boolean')
    return typeof value === 'boolean' || value === 0 || value === 1 || value === 2
  if (kind === 'double') return Number.isFinite(value)
  return Number.isSafeInteger(value) || value === 2 ** 53
}
