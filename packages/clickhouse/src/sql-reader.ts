import { TailraceError, type DocumentReader } from 'tailrace/adapter'
import type { DocumentTable } from './document-table.ts'
import type { Server } from './server.ts'
import { scopedSql } from './scoped-sql.ts'
import { quoted } from './table-ddl.ts'

/** Queries in ClickHouse's SQL over one version of a projection. */
export interface ClickHouseSql {
  /**
   * Runs one SELECT. `$name`, the projection's name with underscores for dashes, stands for its documents or rows, each once,
   * with their columns in snake_case (and `_position`, `_ordinal` or `_key`). `{name:Type}` stands for a value of `parameters`,
   * bound by the server. Integers of 64 bits and decimals come as text, times as RFC 3339. Throws `READ_UNSUPPORTED` for other
   * tables and statements; what takes too long or gives too many rows is `UNAVAILABLE` or an error of the server.
   */
  query<Row = Record<string, unknown>>(
    sql: string,
    parameters?: Readonly<Record<string, unknown>>,
  ): Promise<Row[]>
}

/**
 * The SQL of a projection that is bound to ClickHouse, for a query that reads it. Throws `READ_UNSUPPORTED` for the reader
 * of another store.
 */
export function clickhouseSql(reader: Pick<DocumentReader<unknown>, 'native'>): ClickHouseSql {
  const { native } = reader
  if (native?.store === 'clickhouse') return native.client as ClickHouseSql
  throw new TailraceError(
    'READ_UNSUPPORTED',
    `expected the reader of a projection in ClickHouse, got one in ${native?.store ?? 'a store without SQL of its own'}; bind the projection to clickhouse()`,
  )
}

export function sqlReader(
  server: Server,
  table: DocumentTable,
  guarded: <T>(body: () => Promise<T>) => Promise<T>,
): ClickHouseSql {
  const name = table.projection.replaceAll('-', '_')
  const place = table.shape === 'fold' ? ['_key', '_position'] : ['_position', '_ordinal']
  const columns = [...place, ...table.columns.map((column) => quoted(column.name))]
  const where = table.retained.length === 0 ? '' : ` WHERE ${table.retained.join(' AND ')}`
  const source = `(SELECT ${columns.join(', ')} FROM ${table.source}${where})`
  return {
    query: <Row>(sql: string, parameters: Readonly<Record<string, unknown>> = {}) =>
      guarded(async () => {
        const scoped = scopedSql(sql, new Map([[name, source]]))
        return (await server.readObjects(scoped, parameters)) as Row[]
      }),
  }
}
