import { TailraceError, nearest, type AnyProjectionDef } from 'tailrace/adapter'
import { sqlType } from './column-type.ts'
import { documentCodec, type DocumentCodec } from './document-codec.ts'
import { documentColumns, type DocumentColumn } from './document-columns.ts'
import type { StoreSettings } from './store-settings.ts'
import { qualified, quoted, type TableDefinition } from './table-ddl.ts'
import type { TableOptions } from './table-options.ts'

/** The table of one version of a fold or rows projection. */
export interface DocumentTable {
  readonly definition: TableDefinition
  /** Quoted, with its database. */
  readonly name: string
  readonly shape: 'fold' | 'rows'
  readonly projection: string
  readonly columns: readonly DocumentColumn[]
  readonly codec: DocumentCodec
  /** Columns searched by text; their words are kept in `_words`. */
  readonly text: readonly DocumentColumn[]
  /** What is read from, without duplicates and what was deleted: an expression for FROM. */
  readonly source: string
  /** What also holds for rows that are read: they are not too old. */
  readonly retained: readonly string[]
  /** The columns and the extra as the codec reads them. */
  readonly selected: string
  /** Columns that are written, quoted, in the order of the writer. */
  readonly written: readonly string[]
  /** What other code must agree with to use this table. */
  readonly agreed: string
  column(property: string): DocumentColumn
}

/** The unquoted physical name: the projection's and its version's. */
export function physicalName(projection: string, version: number): string {
  return `${projection.replaceAll('-', '_')}_v${version}`
}

/** Describes the table of a projection version without touching the server. Throws `CONFIG` for what cannot be. */
export function documentTable(
  projection: AnyProjectionDef,
  { database, tables }: StoreSettings,
): DocumentTable {
  const options = tables[projection.name] ?? {}
  if (projection.shape === 'sql')
    throw config(projection, 'the shape fold or rows', 'sql, whose handlers need a transaction')
  const columns = documentColumns(projection, options.columns ?? {})
  const byProperty = new Map(columns.map((column) => [column.property, column]))
  const known = (property: string, what: string): DocumentColumn => {
    const column = byProperty.get(property)
    if (column !== undefined && column.type.kind !== 'json') return column
    throw config(
      projection,
      `${what} to name scalars of its schema`,
      `"${property}"${nearest(property, [...byProperty.keys()])}`,
    )
  }
  for (const fields of (projection.lookup.by ?? []) as readonly (readonly string[])[])
    for (const field of fields) known(field, 'its lookup')
  const text = ((projection.lookup.text ?? []) as readonly string[]).map((property) => {
    const column = known(property, 'its text lookup')
    if (isSearchable(column)) return column
    throw config(projection, 'its text lookup to name strings or lists of strings', `"${property}"`)
  })
  const shape = projection.shape as 'fold' | 'rows'
  const layout = layoutOf(projection, options, known)
  const definition: TableDefinition = {
    database,
    name: physicalName(projection.name, projection.version),
    lines: linesOf(shape, columns, text),
    replacing: shape === 'fold' ? ['_position', '_deleted'] : [],
    partitionBy: layout.partitionBy,
    orderBy: [...layout.orderBy, ...(shape === 'fold' ? ['_key'] : ['_position', '_ordinal'])],
    ttl: layout.ttl,
    // Documents are looked up one by one: a granule is what such a look reads.
    settings: shape === 'fold' ? { index_granularity: 1_024 } : {},
  }
  return {
    definition,
    name: qualified(definition),
    shape,
    projection: projection.name,
    columns,
    text,
    codec: documentCodec(columns, shape),
    source: `${qualified(definition)} FINAL`,
    retained: layout.retained === undefined ? [] : [layout.retained],
    selected: [...columns.map(selectedColumn), '_extra'].join(', '),
    written: writtenOf(shape, columns, text),
    agreed: JSON.stringify({
      lines: definition.lines,
      optional: columns.map(({ property, optional }) => [property, optional]),
      orderBy: definition.orderBy,
      partitionBy: definition.partitionBy ?? null,
      ttl: layout.agreedTtl ?? null,
    }),
    column(property) {
      const column = byProperty.get(property)
      if (column !== undefined) return column
      throw new TailraceError(
        'READ_UNSUPPORTED',
        `expected a property of the ${shape === 'fold' ? 'documents' : 'rows'} of projection "${projection.name}", got "${property}"${nearest(property, [...byProperty.keys()])}`,
      )
    },
  }
}

function config(projection: AnyProjectionDef, expected: string, got: string): TailraceError {
  return new TailraceError(
    'CONFIG',
    `expected projection "${projection.name}" in ClickHouse to have ${expected}, got ${got}`,
  )
}

/** A decimal is read with all digits of its scale. */
function selectedColumn({ name, type }: DocumentColumn): string {
  return type.kind === 'decimal' ? `toDecimalString(${quoted(name)}, ${type.scale})` : quoted(name)
}

function isSearchable({ type }: DocumentColumn): boolean {
  if (type.kind === 'list') return type.item === 'text' || type.item === 'enum'
  return type.kind === 'text' || type.kind === 'enum' || type.kind === 'uuid'
}

function linesOf(
  shape: 'fold' | 'rows',
  columns: readonly DocumentColumn[],
  text: readonly DocumentColumn[],
): string[] {
  const place =
    shape === 'fold'
      ? ['_key String', '_position UInt64', '_deleted UInt8']
      : // Pages by position read what lies near it, however the rows are sorted.
        ['_position UInt64', '_ordinal UInt32', 'INDEX _by_position _position TYPE minmax']
  return [
    ...place,
    ...columns.map(({ name, type, nullable }) => `${quoted(name)} ${sqlType(type, nullable)}`),
    '_extra String',
    ...(text.length === 0 ? [] : ['_words Array(String)']),
  ]
}

function writtenOf(
  shape: 'fold' | 'rows',
  columns: readonly DocumentColumn[],
  text: readonly DocumentColumn[],
): string[] {
  return [
    ...(shape === 'fold' ? ['_key', '_position', '_deleted'] : ['_position', '_ordinal']),
    ...columns.map(({ name }) => quoted(name)),
    '_extra',
    ...(text.length === 0 ? [] : ['_words']),
  ]
}

interface Layout {
  readonly orderBy: readonly string[]
  readonly partitionBy: string | undefined
  readonly ttl: string | undefined
  /** What other code agrees with about it: tables that were made with another expression for the same are taken. */
  readonly agreedTtl: string | undefined
  /** What holds for rows that are read. */
  readonly retained: string | undefined
}

const partitions = {
  day: 'toYYYYMMDD',
  week: 'toMonday',
  month: 'toYYYYMM',
  year: 'toYear',
} as const

/**
 * Equal keys are replaced only within a partition, and the last one of a document may expire before an older one does:
 * documents have no partitions and no end.
 */
function layoutOf(
  projection: AnyProjectionDef,
  { orderBy, partitionBy, keepFor }: TableOptions,
  known: (property: string, what: string) => DocumentColumn,
): Layout {
  if (projection.shape === 'fold' && (orderBy ?? partitionBy ?? keepFor) !== undefined)
    throw config(
      projection,
      'orderBy, partitionBy and keepFor with the shape rows only',
      'them with the shape fold',
    )
  const required = (property: string, what: string): DocumentColumn => {
    const column = known(property, what)
    if (!column.nullable && column.type.kind !== 'list') return column
    throw config(projection, `a required scalar in ${what}`, `"${property}", which may be missing`)
  }
  const timed = (property: string, what: string): DocumentColumn => {
    const column = required(property, what)
    if (column.type.kind === 'instant' || column.type.kind === 'date') return column
    throw config(projection, `a time or a date in ${what}`, `"${property}"`)
  }
  const order = (orderBy ?? []).map((property) => quoted(required(property, 'orderBy').name))
  if (partitionBy !== undefined && !(partitionBy.by in partitions))
    throw config(projection, 'partitions by day, week, month or year', `"${partitionBy.by}"`)
  if (keepFor !== undefined && !isKeepable(keepFor.days))
    throw config(projection, `keepFor in whole days from 1 to ${keptDaysMax}`, String(keepFor.days))
  const kept = keepFor === undefined ? undefined : quoted(timed(keepFor.property, 'keepFor').name)
  return {
    orderBy: order,
    partitionBy:
      partitionBy === undefined
        ? undefined
        : `${partitions[partitionBy.by]}(${quoted(timed(partitionBy.property, 'partitionBy').name)})`,
    ttl: kept && `${ttlEnd(kept, keepFor!.days)} DELETE`,
    agreedTtl: kept && `toDateTime(${kept}) + INTERVAL ${keepFor!.days} DAY DELETE`,
    retained: kept && `${kept} >= now('UTC') - INTERVAL ${keepFor!.days} DAY`,
  }
}

const dayMs = 86_400_000
/** Two hundred years: a time less that is still one that DateTime64 holds. */
const keptDaysMax = 73_000

function isKeepable(days: number): boolean {
  return Number.isSafeInteger(days) && days >= 1 && days <= keptDaysMax
}

/**
 * When rows end, as the DateTime that a TTL must be. That one ends in 2106 and begins again in 1970: what would end later
 * ends there, for it would be removed as it is written.
 */
function ttlEnd(kept: string, days: number): string {
  const last = new Date(Date.UTC(2106, 1, 7) - days * dayMs).toISOString().slice(0, 10)
  const instant = (text: string): string => `toDateTime64(${text}, 3, 'UTC')`
  const end = `least(${instant(kept)}, ${instant(`'${last} 00:00:00'`)}) + INTERVAL ${days} DAY`
  return `toDateTime(greatest(${end}, ${instant(`'1970-01-01 00:00:00'`)}), 'UTC')`
}
