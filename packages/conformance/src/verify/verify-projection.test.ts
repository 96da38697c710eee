import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection, sqlProjection } from 'tailrace'
import { postgresTables } from '@tailrace/postgres'
import type { ApplyBatch, ReadStore } from 'tailrace/adapter'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { overriding } from '../overriding.ts'
import { verifyProjection } from './verify-projection.ts'
import type { GivenEvent } from '../memory-log.ts'

const Added = event('Added', z.object({ amount: z.int() }))
const Noted = event('Noted', z.object({ text: z.string() }))
const Removed = event('Removed', z.object({}))

const Sums = projection('sums', {
  version: 1,
  from: [Added, Noted, Removed],
  document: z.object({ sum: z.int(), notes: z.array(z.string()), at: z.iso.datetime() }),
  key: (e) => e.stream,
  on: {
    Added: (e, doc) => ({
      sum: (doc?.sum ?? 0) + e.data.amount,
      notes: doc?.notes ?? [],
      at: e.at,
    }),
    Noted: (e, doc) => {
      if (e.data.text === 'poison') throw new Error('poison')
      return doc && { ...doc, notes: [...doc.notes, e.data.text] }
    },
    Removed: () => null,
  },
})

/** Streams that are added to, noted, removed and made again; now and then an event that cannot be handled. */
function generator(random: () => number): GivenEvent[] {
  return Array.from({ length: 150 }, (): GivenEvent => {
    const stream = `s${Math.floor(random() * 12)}`
    const dice = random()
    if (dice < 0.6) return { stream, event: Added({ amount: Math.floor(random() * 100) }) }
    if (dice < 0.9)
      return {
        stream,
        event: Noted({ text: dice > 0.89 ? 'poison' : `note ${Math.floor(dice * 100)}` }),
      }
    return { stream, event: Removed({}) }
  })
}

let database: FreshDatabase
let store: ReadStore
beforeAll(async () => {
  database = await freshDatabase()
  store = postgresTables({ url: database.url })
})
afterAll(async () => {
  await store.close()
  await database.drop()
})

test('a fold on PostgreSQL comes to the same read model however its events arrive', async () => {
  const verified = await verifyProjection(Sums, { store, generator, seeds: [1, 2] })
  expect(verified).toMatchObject({ runs: 14, events: 300 })
  expect(verified.documents).toBeGreaterThan(50)
  expect(await store.versions('sums')).toEqual([])
})

test('a sql projection that adds up comes to the same tables', async () => {
  const Totals = sqlProjection('totals', {
    version: 1,
    from: [Added],
    tables: { total: 'stream text primary key, n bigint not null' },
    on: {
      Added: async (e, tx) => {
        await tx.query(
          'insert into $total as t values ($1, $2) on conflict (stream) do update set n = t.n + excluded.n',
          [e.stream, e.data.amount],
        )
      },
    },
  })
  expect(await verifyProjection(Totals, { store, generator, seeds: [3] })).toMatchObject({
    runs: 7,
  })
})

test('a fold that reads a counter of its own is found out', async () => {
  let calls = 0
  const Impure = projection('impure', {
    version: 1,
    from: [Added],
    document: z.object({ n: z.int() }),
    key: (e) => e.stream,
    on: { Added: () => ({ n: ++calls }) },
  })
  await expect(verifyProjection(Impure, { store, generator, seeds: [1] })).rejects.toMatchObject({
    code: 'PROJECTION_DIFFERS',
  })
})

describe('a store is found out that', () => {
  /** The real store with a defect in what it does with batches. */
  function defective(
    apply: (batch: ApplyBatch, real: (batch: ApplyBatch) => Promise<void>) => Promise<void>,
  ): ReadStore {
    return overriding(store, {
      open: async (def, history) => {
        const opened = await store.open(def, history)
        return overriding(opened, { apply: (batch) => apply(batch, opened.apply.bind(opened)) })
      },
    })
  }
  const options = { generator, seeds: [1], timeoutMs: 5_000 }

  test('writes nothing', async () => {
    const lazy = defective((batch, real) => real({ ...batch, changes: [] }))
    await expect(verifyProjection(Sums, { store: lazy, ...options })).rejects.toMatchObject({
      code: 'PROJECTION_DIFFERS',
    })
  })

  test('loses deletions', async () => {
    const hoarding = defective((batch, real) =>
      real({ ...batch, changes: batch.changes.filter((change) => change.document !== null) }),
    )
    await expect(verifyProjection(Sums, { store: hoarding, ...options })).rejects.toMatchObject({
      code: 'PROJECTION_DIFFERS',
    })
  })

  test('moves the checkpoint before the data, and fails in between', async () => {
    let writes = 0
    const hasty = defective(async (batch, real) => {
      await real({ ...batch, changes: [] })
      if (writes++ % 3 === 2) throw new Error('connection lost')
      await real({ ...batch, moves: [], park: [] })
    })
    await expect(verifyProjection(Sums, { store: hasty, ...options })).rejects.toMatchObject({
      code: 'PROJECTION_DIFFERS',
    })
  })

  test('lets an overtaken worker write', async () => {
    let later = 10n ** 12n
    const open = overriding(store, {
      open: async (def, history) => {
        const opened = await store.open(def, history)
        return overriding(opened, {
          apply: async (batch) => {
            const found = await opened.checkpoints()
            // Neither fence nor place nor age is looked at: whatever is stored is taken for what was expected.
            const moves = batch.moves.map((move) => ({
              ...move,
              from: found.get(move.range)?.position,
              fence: found.get(move.range)?.fence ?? move.fence,
            }))
            const changes = batch.changes.map((change) => ({ ...change, position: ++later }))
            await opened.apply({ ...batch, moves, changes })
          },
        })
      },
    })
    const differing = verifyProjection(Sums, { store: open, ...options })
    await expect(differing).rejects.toMatchObject({
      code: 'PROJECTION_DIFFERS',
      details: { scenario: expect.stringContaining('overtaken') },
    })
  })
})
