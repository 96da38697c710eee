import { afterAll, describe, expect, test } from 'vitest'
import { OrdersOverHttp, sameCalls, type Answers } from './orders-over-http.ts'
import { allOrderEngines, missingEngines, ordersOn, type OrderEngine } from './orders-on-engines.ts'

// The order system with each engine and with all of them: the same calls over HTTP, the same answers. Callers change nothing.

const combinations: Readonly<Record<string, readonly OrderEngine[]>> = {
  'search in OpenSearch': ['opensearch'],
  'search in Elasticsearch': ['elasticsearch'],
  'status in Redis': ['redis'],
  'counters in ClickHouse': ['clickhouse'],
  'events over Kafka': ['kafka'],
  'all engines at once': allOrderEngines,
}

const closers: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const close of closers.toReversed()) await close()
}, 120_000)

async function open(used: readonly OrderEngine[]) {
  const { orders, close } = await ordersOn(used)
  closers.push(close)
  return orders
}

let embedded: Promise<Answers> | undefined
/** The answers without any engine. */
function expected(): Promise<Answers> {
  embedded ??= open([]).then(({ url }) => sameCalls(new OrdersOverHttp(url!)))
  return embedded
}

for (const [name, used] of Object.entries(combinations)) {
  const missing = missingEngines(used)
  describe(name, () => {
    test.skipIf(missing !== '')(
      missing === '' ? 'the same calls have the same answers' : missing,
      { timeout: 240_000 },
      async () => {
        const { url, engine } = await open(used)
        expect(await sameCalls(new OrdersOverHttp(url!))).toEqual(await expected())
        const { projections, bus } = await engine.status()
        const stores = Object.values(projections).map(({ store }) => store)
        // What was asked for is really where it was asked for.
        for (const one of used)
          if (one === 'kafka') expect(bus?.source?.messages.applied).toBeGreaterThan(0)
          else expect(stores.join()).toMatch(one === 'opensearch' ? 'elasticsearch' : one)
      },
    )
  })
}
