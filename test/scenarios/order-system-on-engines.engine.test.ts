import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { enginesFromEnv } from '../../systems/orders/engines.ts'
import { openOrders, type OpenOrders } from '../../systems/orders/main.ts'
import { dropEngines } from '../support/drop-engines.ts'
import { engine } from '../support/engines.ts'
import { freshDatabase } from '../support/postgres.ts'
import { OrdersOverHttp, sameCalls, type Answers } from './orders-over-http.ts'

// The order system with each engine and with all of them: the same calls over HTTP, the same answers. Callers change nothing.

const urls = {
  opensearch: 'SEARCH_URL',
  elasticsearch: 'SEARCH_URL',
  redis: 'REDIS_URL',
  clickhouse: 'CLICKHOUSE_URL',
  kafka: 'KAFKA_BROKERS',
} as const
type Used = keyof typeof urls

const combinations: Readonly<Record<string, readonly Used[]>> = {
  'search in OpenSearch': ['opensearch'],
  'search in Elasticsearch': ['elasticsearch'],
  'status in Redis': ['redis'],
  'counters in ClickHouse': ['clickhouse'],
  'events over Kafka': ['kafka'],
  'all engines at once': ['opensearch', 'redis', 'clickhouse', 'kafka'],
}

const closers: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const close of closers.toReversed()) await close()
}, 120_000)

async function open(used: readonly Used[]): Promise<OpenOrders> {
  const [write, read] = await Promise.all([freshDatabase(), freshDatabase()])
  const dataDir = mkdtempSync(join(tmpdir(), 'orders-on-engines-'))
  const prefix = `orders-${randomBytes(4).toString('hex')}`
  const env = {
    ...Object.fromEntries(used.map((name) => [urls[name], engine(name).url])),
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
  closers.push(async () => {
    await orders.stop()
    rmSync(dataDir, { recursive: true })
    await Promise.all([write.drop(), read.drop(), dropEngines(env, prefix)])
  })
  return orders
}

let embedded: Promise<Answers> | undefined
/** The answers without any engine. */
function expected(): Promise<Answers> {
  embedded ??= open([]).then(({ url }) => sameCalls(new OrdersOverHttp(url!)))
  return embedded
}

for (const [name, used] of Object.entries(combinations)) {
  const missing = used.map((one) => engine(one).missing).filter((why) => why !== undefined)
  describe(name, () => {
    test.skipIf(missing.length > 0)(
      missing.length > 0 ? missing.join('; ') : 'the same calls have the same answers',
      { timeout: 240_000 },
      async () => {
        const orders = await open(used)
        const answers = await sameCalls(new OrdersOverHttp(orders.url!))
        expect(answers).toEqual(await expected())
        const { projections, bus } = await orders.engine.status()
        const stores = new Set(Object.values(projections).map(({ store }) => store))
        // What was asked for is really where it was asked for.
        for (const one of used)
          if (one === 'kafka') expect(bus?.source?.messages.applied).toBeGreaterThan(0)
          else expect([...stores].join()).toMatch(one === 'opensearch' ? /search/ : one)
      },
    )
  })
}
