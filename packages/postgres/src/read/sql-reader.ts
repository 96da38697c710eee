import { TailraceError, type SqlReader } from 'tailrace/adapter'
import { withClient, type SqlClient } from '../sql-pool.ts'
import type { ReadPools } from './read-pools.ts'
import { withTableNames } from './version-tables.ts'

/** Runs a store call with its errors translated. */
export interface ReadGuard {
  readonly projection: string
  guarded<T>(body: () => Promise<T>): Promise<T>
}

/** Reads the tables of a sql projection: one read-only statement at a time, with a timeout. */
export function sqlReader(
  pools: ReadPools,
  tables: ReadonlyMap<string, string>,
  guard: ReadGuard,
): SqlReader {
  return {
    query: (sql, parameters) =>
      guard.guarded(() =>
        withClient(pools.read, async (client) => {
          if (pools.readIsGuarded) return runQuery(client, tables, sql, parameters)
          // The application's own pool: its connections know neither the timeout nor that this is only reading.
          await client.query({ text: 'begin read only' })
          try {
            await client.query({
              text: `set local statement_timeout = ${pools.statementTimeoutMs}`,
            })
            return await runQuery(client, tables, sql, parameters)
          } finally {
            await client.query({ text: 'rollback' }).catch(() => undefined)
          }
        }),
      ),
  }
}

const reading =
  /^(\s|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/|\()*(select|with|values|table|explain|show)\b/i

/**
 * One statement: the extended protocol refuses several. Others than reading ones are refused: a `set` would stay on the
 * connection for the queries that come after. Throws `READ_UNSUPPORTED`.
 */
export async function runQuery(
  client: SqlClient,
  tables: ReadonlyMap<string, string>,
  sql: string,
  parameters: readonly unknown[] = [],
): Promise<never[]> {
  if (!reading.test(sql))
    throw new TailraceError(
      'READ_UNSUPPORTED',
      `expected a statement that reads, such as SELECT, got "${sql.trim().slice(0, 40)}"`,
    )
  const statement = {
    text: withTableNames(sql, tables),
    values: [...parameters],
    queryMode: 'extended',
  }
  return (await client.query(statement)).rows as never[]
}
