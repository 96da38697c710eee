import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readStoreSuite, verifyProjection, type GivenEvent } from '@tailrace/conformance'
import { event, projection } from 'tailrace'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { lmdb } from './index.ts'

const folders: string[] = []

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

async function freshFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tailrace-lmdb-'))
  folders.push(path)
  return path
}

describe('the LMDB read store', () => {
  readStoreSuite({ test, name: 'lmdb', create: async () => lmdb({ path: await freshFolder() }) })
})

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

test('a fold comes to the same read model however its events arrive', async () => {
  const store = lmdb({ path: await freshFolder() })
  try {
    const verified = await verifyProjection(Sums, { store, generator, seeds: [1, 2] })
    expect(verified.runs).toBeGreaterThanOrEqual(8)
    expect(verified.documents).toBeGreaterThan(0)
  } finally {
    await store.close()
  }
}, 60_000)
