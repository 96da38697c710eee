import { TailraceError } from 'tailrace/adapter'
import type { BoundValues } from './bound-values.ts'
import { valueType, type ColumnType } from './column-type.ts'
import type { DocumentTable } from './document-table.ts'
import { boundOf } from './find-where.ts'
import { quoted } from './table-ddl.ts'

/** A sort criterion; the last ones are always those of the key. */
export interface SortColumn {
  /** What is sorted by, quoted where needed. */
  readonly expression: string
  readonly type: ColumnType
  /** For a bound value. */
  readonly bound: string
  readonly nullable: boolean
  readonly descending: boolean
  /** Place in the selected row. */
  readonly at: number
}

/** Criteria of the key: of a document one, of a row two. */
export function keyColumns(table: DocumentTable): readonly string[] {
  return table.shape === 'fold' ? ['_key'] : ['_position', '_ordinal']
}

/** The criteria of a sort, with the key at the end in the direction of the last field. Throws `READ_UNSUPPORTED`. */
export function sortOf(
  table: DocumentTable,
  sort: readonly (readonly [string, 'asc' | 'desc'])[],
): readonly SortColumn[] {
  const keys = keyColumns(table)
  const fields = sort.map(([field, direction]): SortColumn => {
    const column = table.column(field)
    const { type } = column
    if (type.kind === 'json' || type.kind === 'list')
      throw new TailraceError('READ_UNSUPPORTED', `expected to sort by a scalar, got "${field}"`)
    if (direction !== 'asc' && direction !== 'desc')
      throw new TailraceError(
        'READ_UNSUPPORTED',
        `expected "asc" or "desc" for "${field}", got ${JSON.stringify(direction)}`,
      )
    const name = quoted(column.name)
    // The server sorts a uuid by its second half.
    const asText = type.kind === 'uuid'
    return {
      expression: asText ? `toString(${name})` : name,
      type: asText ? { kind: 'text' } : type,
      bound: asText ? 'String' : valueType(type),
      nullable: column.nullable,
      descending: direction === 'desc',
      at: keys.length + table.columns.indexOf(column),
    }
  })
  const descending = fields.at(-1)?.descending ?? false
  return [
    ...fields,
    ...keys.map((expression, at): SortColumn => ({
      expression,
      type: { kind: 'text' },
      bound: expression === '_key' ? 'String' : 'UInt64',
      nullable: false,
      descending,
      at,
    })),
  ]
}

/** NULL comes last when ascending and first when descending, as on PostgreSQL. */
export function orderPart(sort: readonly SortColumn[]): string {
  return sort
    .map(
      ({ expression, nullable, descending }) =>
        `${expression}${descending ? ' DESC' : ''}${nullable ? ` NULLS ${descending ? 'FIRST' : 'LAST'}` : ''}`,
    )
    .join(', ')
}

/** Opaque to callers: the sort that it belongs to, and the last row's values of it. */
export function cursorOf(
  table: DocumentTable,
  sort: readonly SortColumn[],
  row: readonly unknown[],
): string {
  const cursor = [signature(table, sort), ...sort.map((column) => row[column.at] ?? null)]
  return Buffer.from(JSON.stringify(cursor)).toString('base64url')
}

function signature(table: DocumentTable, sort: readonly SortColumn[]): string {
  return `${table.name}:${orderPart(sort)}`.replaceAll('`', '')
}

/** The rows after a cursor. Throws `CURSOR_INVALID`. */
export function cursorPart(
  table: DocumentTable,
  sort: readonly SortColumn[],
  after: string,
  values: BoundValues,
): string {
  const last = decodeCursor(table, sort, after)
  const options = sort.map((column, i) => {
    const before = sort.slice(0, i).map((equal, j) => same(equal, last[j], values))
    return [...before, beyond(column, last[i], values)].join(' AND ')
  })
  return `(${options.map((option) => `(${option})`).join(' OR ')})`
}

type Mark = string | boolean | null | undefined

function same({ expression, bound }: SortColumn, value: Mark, values: BoundValues): string {
  return value === null ? `${expression} IS NULL` : `${expression} = ${values.add(bound, value)}`
}

function beyond(column: SortColumn, value: Mark, values: BoundValues): string {
  const { expression, bound, nullable, descending } = column
  if (value === null) return descending ? `${expression} IS NOT NULL` : 'false'
  const part = `${expression} ${descending ? '<' : '>'} ${values.add(bound, value)}`
  return nullable && !descending ? `(${part} OR ${expression} IS NULL)` : part
}

function decodeCursor(table: DocumentTable, sort: readonly SortColumn[], after: string): Mark[] {
  const cursor = parse(after)
  const valid =
    Array.isArray(cursor) &&
    cursor.length === sort.length + 1 &&
    cursor[0] === signature(table, sort)
  const marks = valid ? sort.map((column, i) => markOf(column, cursor[i + 1])) : [undefined]
  if (marks.includes(undefined)) {
    throw new TailraceError(
      'CURSOR_INVALID',
      `expected a cursor of an earlier answer with the same sort, got "${String(after).slice(0, 40)}"; start again without it`,
    )
  }
  return marks
}

function parse(after: unknown): unknown {
  // Of any length: it holds what the last row has in the columns of the sort.
  if (typeof after !== 'string') return undefined
  try {
    return JSON.parse(Buffer.from(after, 'base64url').toString()) as unknown
  } catch {
    return undefined
  }
}

/** A cursor's value as a parameter; undefined where it cannot be one: callers may hand in anything. */
function markOf({ type, bound, nullable }: SortColumn, value: unknown): Mark {
  if (value === null) return nullable ? null : undefined
  if (bound === 'UInt64') {
    const text = typeof value === 'number' || typeof value === 'string' ? String(value) : ''
    return /^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n ? text : undefined
  }
  if (type.kind === 'integer') return boundOf(type, Number(value))
  return boundOf(type, value as string)
}
