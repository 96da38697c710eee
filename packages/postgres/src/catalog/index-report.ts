import type { AnyAggregate } from 'tailrace/adapter'
import { withClient, type SqlPool } from '../sql-pool.ts'
import { tablesOf } from './catalog.ts'
import { readPhysicalTables } from './physical-tables.ts'

export interface IndexReport {
  /** Indexes that serve neither the primary key nor a foreign key: each makes every command slower. */
  readonly beyond: readonly string[]
  /** Foreign keys without an index: loading an aggregate has to scan the whole table. */
  readonly missing: readonly string[]
}

/** Compares the indexes of the aggregates' tables with what commands need: primary keys and foreign keys. */
export async function indexReport(
  pool: SqlPool,
  aggregates: Iterable<AnyAggregate>,
): Promise<IndexReport> {
  const names = [...aggregates].flatMap((aggregate) =>
    tablesOf(aggregate).map(([, { table }]) => table),
  )
  const tables = (await readPhysicalTables(pool, names)).filter((table) => table !== undefined)
  const { rows } = await withClient(pool, (client) =>
    client.query({ text: indexesSql, values: [tables.map(({ oid }) => oid)] }),
  )
  const indexes = rows as {
    table: string
    name: string
    primary: boolean
    columns: string[] | null
  }[]
  const beyond: string[] = []
  const missing: string[] = []
  for (const table of tables) {
    const own = indexes.filter((index) => index.table === table.oid)
    for (const { name, primary, columns } of own) {
      const serves = primary || table.foreignKeys.some((key) => isPrefix(key.columns, columns))
      if (!serves) beyond.push(`${table.schema}.${name}`)
    }
    for (const key of table.foreignKeys) {
      if (!own.some(({ columns }) => isPrefix(key.columns, columns)))
        missing.push(`${table.schema}.${table.name} (${key.columns.join(', ')})`)
    }
  }
  return { beyond, missing }
}

/** Whether an index starts with these columns, in any order; an index on an expression or a part of the rows does not. */
function isPrefix(columns: readonly string[], index: readonly string[] | null): boolean {
  if (index === null) return false
  const start = new Set(index.slice(0, columns.length))
  return columns.every((column) => start.has(column))
}

const indexesSql = `
  select i.indrelid::text as table, c.relname::text as name, i.indisprimary as primary,
    case when i.indexprs is null and i.indpred is null then
      array(select a.attname::text from unnest(i.indkey::smallint[]) with ordinality as k(num, ord)
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num order by k.ord) end as columns
  from pg_index i join pg_class c on c.oid = i.indexrelid
  where i.indrelid = any($1::oid[]) order by c.relname`
