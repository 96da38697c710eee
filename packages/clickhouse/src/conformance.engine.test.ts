import { readStoreSuite, verifyProjection, type GivenEvent } from '@tailrace/conformance'
import { event, projection, rowsProjection } from 'tailrace'
import type { ReadStore } from 'tailrace/adapter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { engine } from '../../../test/support/engines.ts'
import { TestDatabases } from '../test/test-databases.ts'
import { clickhouse } from './index.ts'

const server = engine('clickhouse')

const Added = event('Added', z.object({ amount: z.int() }))
const Removed = event('Removed', z.object({}))

const Sums = projection('sums', {
  version: 1,
  from: [Added, Removed],
  document: z.object({ sum: z.int(), seen: z.array(z.int()) }),
  key: (e) => e.stream,
  on: {
    Added: (e, doc) => {
      if (e.data.amount === 13) throw new Error('poison')
      return { sum: (doc?.sum ?? 0) + e.data.amount, seen: [...(doc?.seen ?? []), e.version] }
    },
    Removed: () => null,
  },
})

const Amounts = rowsProjection('amounts', {
  version: 1,
  from: [Added, Removed],
  row: z.object({ stream: z.string(), at: z.iso.datetime(), amountMinor: z.int() }),
  on: {
    Added: (e) => {
      if (e.data.amount === 13) throw new Error('poison')
      const one = { stream: e.stream, at: e.at, amountMinor: e.data.amount }
      return e.data.amount % 2 === 0 ? [one] : [one, { ...one, amountMinor: -1 }]
    },
    Removed: () => [],
  },
})

function generator(random: () => number): GivenEvent[] {
  return Array.from({ length: 150 }, () => ({
    stream: `s${Math.floor(random() * 12)}`,
    event: random() < 0.9 ? Added({ amount: Math.floor(random() * 60) }) : Removed({}),
  }))
}

server.describe('the ClickHouse read store', () => {
  let databases: TestDatabases
  const names = new WeakMap<ReadStore, string>()
  const open = (database: string): ReadStore => {
    const store = clickhouse({ url: server.url, database })
    names.set(store, database)
    return store
  }
  beforeAll(() => {
    databases = new TestDatabases(server.url)
  })
  afterAll(() => databases.drop())

  readStoreSuite({
    test,
    name: 'clickhouse',
    create: async () => open(databases.fresh()),
    twin: async (store) => open(names.get(store)!),
  })

  test('a fold comes to the same read model however its events arrive', async () => {
    const store = open(databases.fresh())
    try {
      const verified = await verifyProjection(Sums, { store, generator, seeds: [1, 2] })
      expect(verified.runs).toBeGreaterThanOrEqual(14)
      expect(verified.documents).toBeGreaterThan(0)
      expect(await store.versions('sums')).toEqual([])
    } finally {
      await store.close()
    }
  }, 300_000)

  test('rows come to the same read model however their events arrive', async () => {
    const store = open(databases.fresh())
    try {
      const verified = await verifyProjection(Amounts, { store, generator, seeds: [1, 2] })
      expect(verified.runs).toBeGreaterThanOrEqual(14)
      expect(verified.documents).toBeGreaterThan(1_000)
    } finally {
      await store.close()
    }
  }, 300_000)
})
