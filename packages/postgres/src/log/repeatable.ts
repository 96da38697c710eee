import type { SqlPool, SqlStatement } from '../sql-pool.ts'
import { statementName } from '../write/statement-name.ts'
import { read } from '../write/statement-runner.ts'

/**
 * Prepares a statement that may safely run twice: on a lost connection it is repeated once on another one.
 * Its calls throw `UNAVAILABLE`.
 */
export function repeatable<Row>(
  pool: SqlPool,
  kind: string,
  text: string,
  shape: Pick<SqlStatement, 'types' | 'rowMode'> = {},
): (values?: unknown[]) => Promise<Row[]> {
  const statement = { name: statementName(kind, text), text, ...shape }
  return async (values = []) => (await read(pool, { ...statement, values })).rows as Row[]
}
