import { expect, test } from 'vitest'
import { z } from 'zod'
import { GrowingLog } from '../../test/growing-log.ts'
import { TailraceError } from '../errors.ts'
import { event, rowsProjection } from '../index.ts'
import type { ApplyBatch, ProjectionStore } from '../ports/read-store.ts'
import { compileProjection } from './compiled-projection.ts'
import { DocumentCache } from './document-cache.ts'
import { PageApplier } from './page-applier.ts'
import { ParkedSet } from './parked-set.ts'

const types = ['A', 'B', 'C'] as const
const [A, B, C] = types.map((type) => event(type, z.object({ n: z.int() })))
const rows = rowsProjection('numbers', {
  version: 1,
  from: [A!, B!, C!],
  row: z.object({ n: z.int() }),
  on: Object.fromEntries(
    types.map((type) => [type, (one: { data: { n: number } }) => [{ n: one.data.n }]]),
  ) as never,
})

/** Holds rows, but for those of some numbers. */
function pickyStore(refused: readonly number[]) {
  const applied: ApplyBatch[] = []
  const store = {
    apply: async (batch: ApplyBatch) => {
      const bad = batch.rows.find(({ row }) => refused.includes((row as { n: number }).n))
      if (bad !== undefined)
        throw new TailraceError('DOCUMENT_UNSTORABLE', 'expected another number', {
          details: { position: bad.position },
        })
      applied.push(batch)
    },
    parked: async () => [],
  } as unknown as ProjectionStore
  return { store, applied }
}

test('events whose rows cannot be stored park their streams; the others go on', async () => {
  const log = new GrowingLog()
  log.record(200)
  const { store, applied } = pickyStore([5, 70])
  const parked = new ParkedSet(store)
  const told: string[] = []
  const applier = new PageApplier({
    compiled: compileProjection(rows),
    store,
    parked,
    cache: new DocumentCache(10),
    keySlots: undefined,
    dataFirst: true,
    onParked: (failures) => told.push(...failures.map(({ key }) => key)),
  })
  const page = await log.read({ after: 0n, slots: [{ from: 0, to: 255 }], limit: 200 })
  expect(await applier.apply(applier.plan(page.events), () => [])).toBe(true)
  expect(applied).toHaveLength(1)
  // Once for each key that failed, not for what follows in it.
  expect(told).toEqual(['s5', 's9'])
  const [batch] = applied
  // A stream has every 61st event: what follows in it waits.
  expect(batch!.park.map(({ key, positions }) => [key, positions])).toEqual([
    ['s5', [5n, 66n, 127n, 188n]],
    ['s9', [9n, 70n, 131n, 192n]],
  ])
  expect(batch!.park[0]!.failure?.error).toContain('another number')
  expect(batch!.rows).toHaveLength(192)
})
