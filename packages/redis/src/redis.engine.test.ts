import { randomUUID } from 'node:crypto'
import { readStoreSuite, verifyProjection, type GivenEvent } from '@tailrace/conformance'
import { event, projection } from 'tailrace'
import type { ReadStore } from 'tailrace/adapter'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { engine } from '../../../test/support/engines.ts'
import { runOn } from '../test/own-server.ts'
import { redis } from './index.ts'

const server = engine('redis')
const run = `test-${randomUUID().slice(0, 8)}`
let made = 0

function freshStore(): ReadStore {
  return redis({ url: server.url, prefix: `${run}-${made++}` })
}

async function keysOf(prefix: string): Promise<string[]> {
  return (await runOn(server.url, ['KEYS', `${prefix}*`])) as string[]
}

server.describe('the Redis read store', () => {
  afterAll(async () => {
    for (const key of await keysOf(run)) await runOn(server.url, ['UNLINK', key])
  })

  readStoreSuite({ test, name: 'redis', create: async () => freshStore() })

  const Added = event('Added', z.object({ amount: z.int() }))
  const Removed = event('Removed', z.object({}))
  const Sums = projection('sums', {
    version: 1,
    from: [Added, Removed],
    document: z.object({ sum: z.int(), seen: z.array(z.int()) }),
    key: (e) => e.stream,
    lookup: { by: [['sum'], ['seen']] },
    on: {
      Added: (e, doc) => {
        if (e.data.amount === 13) throw new Error('poison')
        return { sum: (doc?.sum ?? 0) + e.data.amount, seen: [...(doc?.seen ?? []), e.version] }
      },
      // What does not exist cannot be removed: a removal that is folded twice would park its key.
      Removed: (_, doc) => {
        if (doc === undefined) throw new Error('nothing to remove')
        return null
      },
    },
  })
  const generator = (random: () => number): GivenEvent[] => {
    const present = new Set<string>()
    return Array.from({ length: 200 }, () => {
      const stream = `s${Math.floor(random() * 12)}`
      const removes = present.has(stream) && random() < 0.25
      if (removes) present.delete(stream)
      else present.add(stream)
      const amount = Math.floor(random() * 40)
      return {
        stream,
        event: removes ? Removed({}) : Added({ amount: amount === 13 ? 14 : amount }),
      }
    })
  }

  test('a fold comes to the same read model however its events arrive', async () => {
    const store = freshStore()
    try {
      const verified = await verifyProjection(Sums, { store, generator, seeds: [1, 2, 3] })
      expect(verified.runs).toBe(21)
      expect(verified.documents).toBeGreaterThan(0)
      expect(await store.versions('sums')).toEqual([])
    } finally {
      await store.close()
    }
    // Versions that are dropped leave nothing but the count of incarnations.
    expect((await keysOf(`${run}-${made - 1}:`)).map((key) => key.slice(key.indexOf('{')))).toEqual(
      ['{sums}:versions'],
    )
  }, 120_000)

  test('poison is parked alike however the events arrive', async () => {
    const store = freshStore()
    const poisoned = (random: () => number): GivenEvent[] =>
      Array.from({ length: 150 }, () => ({
        stream: `s${Math.floor(random() * 12)}`,
        event: Added({ amount: Math.floor(random() * 60) }),
      }))
    try {
      const verified = await verifyProjection(Sums, { store, generator: poisoned, seeds: [5] })
      expect(verified.runs).toBe(7)
    } finally {
      await store.close()
    }
  }, 60_000)

  describe('options', () => {
    test('a prefix, a limit of time and an address that cannot be used are refused', () => {
      expect(() => redis({ url: server.url, prefix: 'a{b}' })).toThrow(/prefix/)
      expect(() => redis({ url: server.url, timeoutMs: 0 })).toThrow(/timeoutMs/)
      expect(() => redis({ url: 'somewhere' })).toThrow(/redis:\/\//)
    })
  })
})
