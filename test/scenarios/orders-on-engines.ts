import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { enginesFromEnv } from '../../systems/orders/engines.ts'
import { openOrders, type OpenOrders } from '../../systems/orders/main.ts'
import { dropEngines } from '../support/drop-engines.ts'
import { engine } from '../support/engines.ts'
import { freshDatabase } from '../support/postgres.ts'

const variables = {
  opensearch: 'SEARCH_URL',
  elasticsearch: 'SEARCH_URL',
  redis: 'REDIS_URL',
  clickhouse: 'CLICKHOUSE_URL',
  kafka: 'KAFKA_BROKERS',
} as const

/** An engine that the order system can use. */
export type OrderEngine = keyof typeof variables

export const allOrderEngines: readonly OrderEngine[] = [
  'opensearch',
  'redis',
  'clickhouse',
  'kafka',
]

/** Why these engines cannot be used; empty when they can. */
export function missingEngines(used: readonly OrderEngine[]): string {
  return used.flatMap((name) => engine(name).missing ?? []).join('; ')
}

/** The order system with some engines, with pages and API on a free port, as the environment would say it. */
export async function ordersOn(
  used: readonly OrderEngine[],
): Promise<{ readonly orders: OpenOrders; close(): Promise<void> }> {
  const [write, read] = await Promise.all([freshDatabase(), freshDatabase()])
  const dataDir = mkdtempSync(join(tmpdir(), 'orders-on-engines-'))
  const prefix = `orders-${randomBytes(4).toString('hex')}`
  const env = {
    ...Object.fromEntries(used.map((name) => [variables[name], engine(name).url])),
    KAFKA_DURABILITY: 'single',
    ENGINE_PREFIX: prefix,
  }
  const orders = await openOrders({
    dataDir,
    writeUrl: write.url,
    readUrl: read.url,
    engines: enginesFromEnv(env),
    port: 0,
    step: () => undefined,
  })
  return {
    orders,
    async close() {
      await orders.stop()
      rmSync(dataDir, { recursive: true })
      await Promise.all([write.drop(), read.drop(), dropEngines(env, prefix)])
    },
  }
}
