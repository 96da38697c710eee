import { expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection } from 'tailrace'
import type { ReadStore, StoredDocument } from 'tailrace/adapter'
import { versionedStore } from '../../test/versioned-store.ts'
import type { GivenEvent } from '../memory-log.ts'
import { overriding } from '../overriding.ts'
import { verifyProjection } from './verify-projection.ts'

const Added = event('Added', z.object({ amount: z.int() }))
const Removed = event('Removed', z.object({}))

/** Adds up, and cannot remove what is not there: an event that is folded twice shows. */
const Sums = projection('sums', {
  version: 1,
  from: [Added, Removed],
  document: z.object({ sum: z.int() }),
  key: (e) => e.stream,
  on: {
    Added: (e, doc) => ({ sum: (doc?.sum ?? 0) + e.data.amount }),
    Removed: (_, doc) => {
      if (doc === undefined) throw new Error('nothing to remove')
      return null
    },
  },
})

function generator(random: () => number): GivenEvent[] {
  const present = new Set<string>()
  return Array.from({ length: 150 }, () => {
    const stream = `s${Math.floor(random() * 9)}`
    const removes = present.has(stream) && random() < 0.3
    if (removes) present.delete(stream)
    else present.add(stream)
    return { stream, event: removes ? Removed({}) : Added({ amount: Math.floor(random() * 99) }) }
  })
}

/** A store whose `load` gives something else. */
function loading(change: (stored: StoredDocument) => StoredDocument | undefined): ReadStore {
  const store = versionedStore()
  return overriding(store, {
    open: async (def, history) => {
      const opened = await store.open(def, history)
      return overriding(opened, {
        load: async (keys) =>
          new Map(
            [...(await opened.load(keys))].flatMap(([key, stored]) => {
              const given = change(stored)
              return given === undefined ? [] : [[key, given] as const]
            }),
          ),
      })
    },
  })
}

test('documents that are written before their checkpoint come to the same read model', async () => {
  const verified = await verifyProjection(Sums, { store: versionedStore(), generator })
  expect(verified.runs).toBe(21)
})

test('a store is found out that does not say how far its documents are', async () => {
  const vague = loading((stored) => ({ ...stored, position: 0n }))
  await expect(verifyProjection(Sums, { store: vague, generator })).rejects.toMatchObject({
    code: 'PROJECTION_DIFFERS',
    details: { scenario: expect.stringContaining('between data and checkpoint') },
  })
})

test('a store is found out that does not say what it has deleted', async () => {
  const forgetful = loading((stored) => (stored.document === null ? undefined : stored))
  await expect(verifyProjection(Sums, { store: forgetful, generator })).rejects.toMatchObject({
    code: 'PROJECTION_DIFFERS',
    details: { scenario: expect.stringContaining('between data and checkpoint') },
  })
})
