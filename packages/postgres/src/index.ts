export { migrate } from './migrate.ts'
export type { SqlClient, SqlPool, SqlResult, SqlStatement } from './sql-pool.ts'
