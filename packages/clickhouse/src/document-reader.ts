import { TailraceError, type DocumentReader, type FindOptions, type Found } from 'tailrace/adapter'
import { BoundValues } from './bound-values.ts'
import type { DocumentTable } from './document-table.ts'
import { keyOfText, keyText, placeOfRowKey, rowKey } from './exact-text.ts'
import {
  cursorOf,
  cursorPart,
  keyColumns,
  orderPart,
  sortOf,
  type SortColumn,
} from './find-page.ts'
import { conditions } from './find-where.ts'
import { keyParts } from './key-parts.ts'
import type { Server } from './server.ts'
import { sqlReader } from './sql-reader.ts'
import { quoted } from './table-ddl.ts'
import { textCondition } from './text-search.ts'

type Doc = Record<string, unknown>
type Guarded = <T>(body: () => Promise<T>) => Promise<T>

const keysMax = 1_000

/** Reads documents or rows of one version, each once, whatever was written twice. */
export function documentReader(
  server: Server,
  table: DocumentTable,
  guarded: Guarded,
): DocumentReader<Doc> {
  const many = (keys: readonly string[]): Promise<Map<string, Doc>> =>
    table.shape === 'fold' ? documentsOf(server, table, keys) : rowsOf(server, table, keys)
  return {
    get: (key) => guarded(async () => (await many([key])).get(key)),
    getMany: (keys) =>
      guarded(async () => {
        if (keys.length > keysMax)
          throw new TailraceError(
            'READ_UNSUPPORTED',
            `expected at most 1,000 keys, got ${keys.length}; ask in parts`,
          )
        const found = await many(keys)
        return keys.map((key) => found.get(key))
      }),
    find: (options) => guarded(() => find(server, table, options)),
    native: { store: 'clickhouse', client: sqlReader(server, table, guarded) },
  }
}

async function documentsOf(
  server: Server,
  table: DocumentTable,
  keys: readonly string[],
): Promise<Map<string, Doc>> {
  const found = new Map<string, Doc>()
  for (const part of keyParts(keys.map(keyText))) {
    const rows = await server.readRows(
      `SELECT _key, ${table.selected} FROM ${table.source} WHERE _key IN {keys:Array(String)}`,
      { keys: part },
    )
    for (const row of rows)
      found.set(keyOfText(row[0] as string), table.codec.decode(row, 1) as Doc)
  }
  return found
}

async function rowsOf(
  server: Server,
  table: DocumentTable,
  keys: readonly string[],
): Promise<Map<string, Doc>> {
  const places = keys.flatMap((key) => placeOfRowKey(key) ?? [])
  if (places.length === 0) return new Map()
  const rows = await server.readRows(
    `SELECT _position, _ordinal, ${table.selected} FROM ${table.source}
     WHERE ${['(_position, _ordinal) IN arrayZip({positions:Array(UInt64)}, {ordinals:Array(UInt32)})', '_position IN {positions:Array(UInt64)}', ...table.retained].join(' AND ')}`,
    // Texts within a list would be quoted, and are then no numbers to the server.
    {
      positions: places.map(({ position }) => position),
      ordinals: places.map(({ ordinal }) => ordinal),
    },
  )
  return new Map(
    rows.map((row) => [
      rowKey(row[0] as string, Number(row[1])),
      table.codec.decode(row, 2) as Doc,
    ]),
  )
}

async function find(
  server: Server,
  table: DocumentTable,
  options: FindOptions<Doc>,
): Promise<Found<Doc>> {
  const limit = options.limit ?? 20
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1_000)
    throw new TailraceError('READ_UNSUPPORTED', `expected a limit from 1 to 1,000, got ${limit}`)
  const sort = sortOf(table, options.sort ?? [])
  const [page, total, ...facets] = await Promise.all([
    readPage(server, table, options, sort, limit),
    options.total === true ? count(server, table, options) : undefined,
    ...(options.facets ?? []).map((field) => facet(server, table, options, field)),
  ])
  const rows = page.slice(0, limit)
  const last = rows.at(-1)
  return {
    items: rows.map((row) => table.codec.decode(row, keyColumns(table).length) as Doc),
    next: page.length > limit && last !== undefined ? cursorOf(table, sort, last) : undefined,
    total,
    facets: Object.fromEntries(facets),
  }
}

function readPage(
  server: Server,
  table: DocumentTable,
  options: FindOptions<Doc>,
  sort: readonly SortColumn[],
  limit: number,
): Promise<unknown[][]> {
  const values = new BoundValues()
  const parts = filters(table, options, values)
  if (options.after !== undefined) parts.push(cursorPart(table, sort, options.after, values))
  return server.readRows(
    `SELECT ${keyColumns(table).join(', ')}, ${table.selected} FROM ${table.source}${whereOf(parts)} ORDER BY ${orderPart(sort)} LIMIT ${limit + 1}`,
    values.parameters,
  )
}

function filters(
  table: DocumentTable,
  options: FindOptions<Doc>,
  values: BoundValues,
  without?: string,
): string[] {
  const parts = [...table.retained, ...conditions(table, options.where ?? {}, values, without)]
  const text = options.text === undefined ? undefined : textCondition(table, options.text, values)
  return text === undefined ? parts : [...parts, text]
}

function whereOf(parts: readonly string[]): string {
  return parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`
}

async function count(
  server: Server,
  table: DocumentTable,
  options: FindOptions<Doc>,
): Promise<number> {
  const values = new BoundValues()
  const rows = await server.readRows(
    `SELECT count() FROM ${table.source}${whereOf(filters(table, options, values))}`,
    values.parameters,
  )
  return Number(rows[0]![0])
}

/** Matches by value, as if the field itself were not filtered; documents without a value are not counted. */
async function facet(
  server: Server,
  table: DocumentTable,
  options: FindOptions<Doc>,
  field: string,
): Promise<[string, Record<string, number>]> {
  const { name, type, nullable } = table.column(field)
  if (type.kind === 'json')
    throw new TailraceError(
      'READ_UNSUPPORTED',
      `expected facets of scalars or lists of scalars, got "${field}"`,
    )
  const values = new BoundValues()
  const parts = filters(table, options, values, field)
  // A document counts once for a value, however often its list has it.
  const value = type.kind === 'list' ? `arrayJoin(arrayDistinct(${quoted(name)}))` : quoted(name)
  if (nullable) parts.push(`${quoted(name)} IS NOT NULL`)
  const rows = await server.readRows(
    // Names that no column of a property has.
    `SELECT ${value} AS _value, count() AS _matches FROM ${table.source}${whereOf(parts)} GROUP BY _value ORDER BY _matches DESC, _value LIMIT 1000`,
    values.parameters,
  )
  return [field, Object.fromEntries(rows.map(([one, matches]) => [String(one), Number(matches)]))]
}
