import { Pool } from 'pg'
import { systemClock } from '../../packages/tailrace/src/run/system-clock.ts'
import {
  createExecutor,
  type Executor,
  type ExecutorOptions,
} from '../../packages/tailrace/src/write/executor.ts'
import { readCatalog } from '../../packages/postgres/src/catalog/catalog.ts'
import { migrate } from '../../packages/postgres/src/migrate.ts'
import type { SqlPool } from '../../packages/postgres/src/sql-pool.ts'
import { PostgresWriteStore } from '../../packages/postgres/src/write/postgres-write-store.ts'
import { freshDatabase } from './postgres.ts'
import { shop, shopTables } from './shop-app.ts'

/** The shop's tables on a database of their own. */
export interface ShopDatabase {
  readonly url: string
  /** For the test's own questions. */
  readonly pool: Pool
  /** First column of the first row. */
  one<T>(sql: string, values?: unknown[]): Promise<T>
  /** A write store on a pool of its own, as another process would have it. */
  store(options?: {
    readonly pool?: SqlPool
    readonly schema?: string
  }): Promise<PostgresWriteStore>
  drop(): Promise<void>
}

export async function shopDatabase(): Promise<ShopDatabase> {
  const database = await freshDatabase()
  const pools: Pool[] = []
  const newPool = (max: number) => {
    const made = new Pool({ connectionString: database.url, max })
    // Tests end connections on purpose, also idle ones.
    made.on('error', () => undefined)
    pools.push(made)
    return made
  }
  const pool = newPool(4)
  await pool.query(shopTables)
  await migrate(pool)
  return {
    url: database.url,
    pool,
    async one<T>(sql: string, values: unknown[] = []) {
      const { rows } = await pool.query<Record<string, T>>(sql, values)
      return Object.values(rows[0]!)[0]!
    },
    async store({ pool: given = newPool(4), schema = 'tailrace' } = {}) {
      const catalog = await readCatalog(given, shop.aggregates.values())
      return new PostgresWriteStore({ pool: given, schema, catalog, clock: systemClock() })
    },
    async drop() {
      await Promise.all(pools.map((one) => one.end()))
      await database.drop()
    },
  }
}

const identity = () => ({ systemId: '0123456789abcdef', epoch: 1 })

export function shopExecutor(store: PostgresWriteStore, options: ExecutorOptions = {}): Executor {
  return createExecutor({ app: shop, store, clock: systemClock(), identity, options })
}
