import { TailraceError, type DocumentReader, type FindOptions, type Found } from 'tailrace/adapter'
import type { SqlStatement } from '../sql-pool.ts'
import { prepared } from './apply-statement.ts'
import { selectList, type DocumentTable } from './document-table.ts'
import { cursorOf, cursorPart, orderPart, sortOf, type SortColumn } from './find-page.ts'
import { conditions, type Parameters } from './find-where.ts'
import { keyOfText, keyText } from './key-text.ts'
import type { TextResult } from './read-pools.ts'
import type { ReadGuard } from './sql-reader.ts'
import { textCondition } from './text-search.ts'

type Doc = Record<string, unknown>
type Run = (statement: SqlStatement) => Promise<TextResult>

/** Reads documents of one version. All SQL is parametrised, and every field is one of the declared document. */
export function documentReader(
  table: DocumentTable,
  run: Run,
  guard: ReadGuard,
): DocumentReader<Doc> {
  const one = `select ${selectList(table)} from ${table.name} where _key = $1`
  const many = `select ${selectList(table)} from ${table.name} where _key = any($1::text[])`
  return {
    get: (key) =>
      guard.guarded(async () => {
        const [row] = (await run(prepared(one, [keyText(key)]))).rows
        return row === undefined ? undefined : (table.codec.decode(row, 2) as Doc)
      }),
    getMany: (keys) =>
      guard.guarded(async () => {
        if (keys.length > 1_000)
          throw new TailraceError(
            'READ_UNSUPPORTED',
            `expected at most 1,000 keys, got ${keys.length}; ask in parts`,
          )
        const { rows } = await run(prepared(many, [keys.map(keyText)]))
        const found = new Map(
          rows.map((row) => [keyOfText(row[0]!), table.codec.decode(row, 2) as Doc]),
        )
        return keys.map((key) => found.get(key))
      }),
    find: (options) => guard.guarded(() => find(table, run, options)),
  }
}

async function find(
  table: DocumentTable,
  run: Run,
  options: FindOptions<Doc>,
): Promise<Found<Doc>> {
  const limit = options.limit ?? 20
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1_000) {
    throw new TailraceError('READ_UNSUPPORTED', `expected a limit from 1 to 1,000, got ${limit}`)
  }
  const sort = sortOf(table, options.sort ?? [])
  const [page, total, ...facets] = await Promise.all([
    run(pageStatement(table, options, sort, limit)),
    options.total === true ? count(table, run, options) : undefined,
    ...(options.facets ?? []).map((field) => facet(table, run, options, field)),
  ])
  const rows = page.rows.slice(0, limit)
  const last = rows.at(-1)
  return {
    items: rows.map((row) => table.codec.decode(row, 2) as Doc),
    next: page.rows.length > limit && last !== undefined ? cursorOf(table, sort, last) : undefined,
    total,
    facets: Object.fromEntries(facets),
  }
}

function pageStatement(
  table: DocumentTable,
  options: FindOptions<Doc>,
  sort: readonly SortColumn[],
  limit: number,
): SqlStatement {
  const values: Parameters = []
  const parts = filters(table, options, values)
  if (options.after !== undefined) parts.push(cursorPart(table, sort, options.after, values))
  values.push(limit + 1)
  const text = `select ${selectList(table)} from ${table.name}${whereOf(parts)} order by ${orderPart(sort)} limit $${values.length}::int`
  return { text, values }
}

function filters(
  table: DocumentTable,
  options: FindOptions<Doc>,
  values: Parameters,
  without?: string,
): string[] {
  const parts = conditions(table, options.where ?? {}, values, without)
  const text = options.text === undefined ? undefined : textCondition(table, options.text, values)
  return text === undefined ? parts : [...parts, text]
}

function whereOf(parts: readonly string[]): string {
  return parts.length === 0 ? '' : ` where ${parts.join(' and ')}`
}

async function count(table: DocumentTable, run: Run, options: FindOptions<Doc>): Promise<number> {
  const values: Parameters = []
  const text = `select count(*) from ${table.name}${whereOf(filters(table, options, values))}`
  return Number((await run({ text, values })).rows[0]![0])
}

/** Matches by value, as if the field itself were not filtered; documents without a value are not counted. */
async function facet(
  table: DocumentTable,
  run: Run,
  options: FindOptions<Doc>,
  field: string,
): Promise<[string, Record<string, number>]> {
  const column = table.column(field)
  if (column.kind === 'json')
    throw new TailraceError(
      'READ_UNSUPPORTED',
      `expected facets of scalars or lists of scalars, got "${field}"`,
    )
  const values: Parameters = []
  const parts = filters(table, options, values, field)
  const list = column.kind === 'jsonb'
  // No property's column begins with an underscore.
  const value = list ? '_item' : `"${column.name}"`
  // A document counts once for a value, however often its list has it.
  const from = list
    ? `${table.name}, lateral (select distinct _one from jsonb_array_elements_text("${column.name}") _one) _items (_item)`
    : table.name
  const text = `select ${value}, count(*) from ${from}${whereOf([...parts, `${value} is not null`])} group by 1 order by 2 desc, 1 limit 1000`
  const { rows } = await run({ text, values })
  // An assignment would lose the value `__proto__`.
  const counts = rows.map(([name, matches]) => [facetName(table, field, name!), Number(matches)])
  return [field, Object.fromEntries(counts) as Record<string, number>]
}

/** A value as the document has it: `true`, not `t`. */
function facetName(table: DocumentTable, field: string, text: string): string {
  const { kind } = table.column(field)
  if (kind === 'jsonb') return text
  const at = table.columns.findIndex((column) => column.property === field)
  const row: (string | null)[] = table.columns.map(() => null)
  row[at] = text
  return String((table.codec.decode([...row, null], 0) as Doc)[field])
}
