import { readStoreSuite, verifyProjection, type GivenEvent } from '@tailrace/conformance'
import { event, projection } from 'tailrace'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import { freshPrefix, removeIndices, searchEngines } from '../test/search-engines.ts'
import { elasticsearch } from './index.ts'

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

function generator(random: () => number): GivenEvent[] {
  return Array.from({ length: 150 }, () => ({
    stream: `s${Math.floor(random() * 12)}`,
    event: random() < 0.9 ? Added({ amount: Math.floor(random() * 60) }) : Removed({}),
  }))
}

for (const engine of searchEngines) {
  engine.describe(`the search read store on ${engine.name}`, () => {
    const prefixes: string[] = []
    const store = () => {
      const prefix = freshPrefix()
      prefixes.push(prefix)
      return elasticsearch({ url: engine.url, prefix, refreshIntervalMs: 60_000 })
    }

    afterAll(async () => {
      for (const prefix of prefixes) await removeIndices(engine.url, prefix)
    })

    readStoreSuite({ test, name: engine.name, create: async () => store() })

    test('a fold comes to the same read model however its events arrive', async () => {
      const opened = store()
      try {
        const verified = await verifyProjection(Sums, { store: opened, generator, seeds: [1, 2] })
        expect(verified).toMatchObject({ runs: 14, events: 300 })
        expect(verified.documents).toBeGreaterThan(50)
        expect(await opened.versions('sums')).toEqual([])
      } finally {
        await opened.close()
      }
    }, 180_000)
  })
}
