import { TailraceError } from 'tailrace/adapter'
import { isText } from './document-codec.ts'
import type { DocumentColumn } from './document-columns.ts'
import { sqlType } from './document-columns.ts'
import type { DocumentTable } from './document-table.ts'
import type { Parameters } from './find-where.ts'
import { instantOf } from './instant-text.ts'

/** A sort criterion; the last one is always the key. */
export interface SortColumn {
  /** Quoted where needed. */
  readonly name: string
  readonly type: string
  readonly nullable: boolean
  readonly descending: boolean
  /** Place in the selected row. */
  readonly at: number
}

/** The criteria of a sort, with the key at the end in the direction of the last field. Throws `READ_UNSUPPORTED`. */
export function sortOf(
  table: DocumentTable,
  sort: readonly (readonly [string, 'asc' | 'desc'])[],
): readonly SortColumn[] {
  const fields = sort.map(([field, direction]): SortColumn => {
    const column = table.column(field)
    if (column.kind === 'json' || column.kind === 'jsonb')
      throw new TailraceError('READ_UNSUPPORTED', `expected to sort by a scalar, got "${field}"`)
    if (direction !== 'asc' && direction !== 'desc')
      throw new TailraceError(
        'READ_UNSUPPORTED',
        `expected "asc" or "desc" for "${field}", got ${JSON.stringify(direction)}`,
      )
    return {
      ...sortColumn(column),
      descending: direction === 'desc',
      at: 2 + table.columns.indexOf(column),
    }
  })
  return [
    ...fields,
    {
      name: '_key',
      type: 'text',
      nullable: false,
      descending: fields.at(-1)?.descending ?? false,
      at: 0,
    },
  ]
}

function sortColumn(column: DocumentColumn): Pick<SortColumn, 'name' | 'type' | 'nullable'> {
  return { name: `"${column.name}"`, type: sqlType(column.kind), nullable: column.nullable }
}

/** PostgreSQL's own order of NULL (last when ascending), so that one index serves both directions. */
export function orderPart(sort: readonly SortColumn[]): string {
  return sort.map((column) => `${column.name}${column.descending ? ' desc' : ''}`).join(', ')
}

/** Opaque to callers: the sort that it belongs to, and the last row's values of it. */
export function cursorOf(
  table: DocumentTable,
  sort: readonly SortColumn[],
  row: readonly (string | null)[],
): string {
  const cursor = [signature(table, sort), ...sort.map((column) => row[column.at] ?? null)]
  return Buffer.from(JSON.stringify(cursor)).toString('base64url')
}

function signature(table: DocumentTable, sort: readonly SortColumn[]): string {
  return `${table.name}:${orderPart(sort)}`.replaceAll('"', '')
}

/** The rows after a cursor. Throws `CURSOR_INVALID`. */
export function cursorPart(
  table: DocumentTable,
  sort: readonly SortColumn[],
  after: string,
  values: Parameters,
): string {
  const last = decodeCursor(table, sort, after)
  const sameWay = sort.every((column) => column.descending === sort[0]!.descending)
  if (sameWay && sort.every((column) => !column.nullable) && !last.includes(null)) {
    // One row comparison is one range of the index.
    const marks = last.map((value, i) => mark(sort[i]!, value, values))
    return `(${sort.map((column) => column.name).join(', ')}) ${sort[0]!.descending ? '<' : '>'} (${marks.join(', ')})`
  }
  const options = sort.map((column, i) => {
    const before = sort.slice(0, i).map((equal, j) => same(equal, last[j]!, values))
    return [...before, beyond(column, last[i]!, values)].join(' and ')
  })
  return `(${options.map((option) => `(${option})`).join(' or ')})`
}

function mark(column: SortColumn, value: string | null, values: Parameters): string {
  values.push(value)
  return `$${values.length}::${column.type}`
}

function same(column: SortColumn, value: string | null, values: Parameters): string {
  return value === null
    ? `${column.name} is null`
    : `${column.name} = ${mark(column, value, values)}`
}

function beyond(column: SortColumn, value: string | null, values: Parameters): string {
  if (column.descending)
    return value === null
      ? `${column.name} is not null`
      : `${column.name} < ${mark(column, value, values)}`
  if (value === null) return 'false'
  const greater = `${column.name} > ${mark(column, value, values)}`
  return column.nullable ? `(${greater} or ${column.name} is null)` : greater
}

function decodeCursor(
  table: DocumentTable,
  sort: readonly SortColumn[],
  after: string,
): (string | null)[] {
  const cursor = parse(after)
  const valid =
    Array.isArray(cursor) &&
    cursor.length === sort.length + 1 &&
    cursor[0] === signature(table, sort) &&
    cursor
      .slice(1)
      .every((value, i) => (value === null ? sort[i]!.nullable : fits(sort[i]!, value)))
  if (!valid) {
    throw new TailraceError(
      'CURSOR_INVALID',
      `expected a cursor of an earlier answer with the same sort, got "${String(after).slice(0, 40)}"; start again without it`,
    )
  }
  return cursor.slice(1) as (string | null)[]
}

function parse(after: unknown): unknown {
  // As long as the values of a row are: a limit here would end the pages of some sorts.
  if (typeof after !== 'string') return undefined
  try {
    return JSON.parse(Buffer.from(after, 'base64url').toString()) as unknown
  } catch {
    return undefined
  }
}

/** Whether a cursor's value is one that the column may have: callers may hand in anything. */
function fits(column: SortColumn, value: unknown): boolean {
  if (typeof value !== 'string' || !isText(value)) return false
  if (column.type === 'bigint') return /^-?\d{1,18}$/.test(value)
  if (column.type === 'double precision') return isDouble(value)
  if (column.type === 'uuid') return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)
  if (column.type === 'timestamptz') return instantOf(value) !== undefined
  return column.type === 'text' || value === 't' || value === 'f'
}

/** PostgreSQL refuses what becomes infinite, and what becomes zero without being zero. */
function isDouble(value: string): boolean {
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(value)) return false
  const number = Number(value)
  return Number.isFinite(number) && (number !== 0 || !/[1-9]/.test(value.split('e')[0]!))
}
