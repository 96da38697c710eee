import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { overriding } from '@tailrace/conformance'
import { lmdb } from '@tailrace/lmdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { until, workerRig, type WorkerRig } from '../../../../test/support/worker-rig.ts'
import { slotRanges } from '../log/slot.ts'
import { event, projection } from '../index.ts'
import type { CheckpointMove, DocumentChange, ReadStore } from '../ports/read-store.ts'
import { historyText } from './inspect-version.ts'
import { startProjectionWorker } from './projection-worker.ts'

// A bulk load empties a version before it fills it. So nothing may be written to a version before it was loaded, be it with
// nothing: a worker that began to follow would lose its first batch to another one's load, and its checkpoint would stand.

const Happened = event('Happened', z.object({ n: z.int() }))

const sums = (name: string) =>
  projection(name, {
    version: 1,
    from: [Happened],
    document: z.object({ n: z.int() }),
    key: (e) => e.stream,
    on: { Happened: (e, doc) => ({ n: (doc?.n ?? 0) + e.data.n }) },
  })

let rig: WorkerRig
beforeAll(async () => {
  rig = await workerRig()
  const streams = Array.from({ length: 60 }, (_, i) => ({ stream: `s${i}`, payload: { n: 1 } }))
  await rig.record(...streams, ...streams)
})
afterAll(() => rig.drop())

/** The store, and what is told of its first moves. */
function watched(
  store: ReadStore,
  told: (way: 'load' | 'batch', moves: number) => void,
): ReadStore {
  const first = (moves: readonly CheckpointMove[]): number =>
    moves.filter(({ from }) => from === undefined).length
  return overriding(store, {
    async open(def, history) {
      const opened = await store.open(def, history)
      return overriding(opened, {
        apply(batch) {
          if (first(batch.moves) > 0) told('batch', first(batch.moves))
          return opened.apply(batch)
        },
        bulkLoad(documents, moves) {
          told('load', first(moves))
          return opened.bulkLoad(documents, moves)
        },
      })
    },
  })
}

test('every range of a version begins with one load, whoever holds it, also where the log is short', async () => {
  const def = sums('begun')
  const ways: string[] = []
  const store = watched(rig.store, (way, moves) => ways.push(`${way} of ${moves}`))
  const { log, leases, clock } = rig
  const workers = ['one', 'two', 'three'].map((owner) =>
    startProjectionWorker({ projections: [{ projection: def, store }], log, leases, clock, owner }),
  )
  const { position: head } = await log.head()
  await until(
    () => workers.every((worker) => worker.status()[0]!.position === head),
    'all three to hold ranges at the head',
    20_000,
  )
  await Promise.all(workers.map((worker) => worker.stop()))
  expect(ways).toEqual([`load of ${(await leases.list()).filter(isOf('begun')).length}`])
  const opened = await rig.store.open(def, historyText(log.identity))
  expect((await opened.load(['s0', 's59'])).get('s59')?.document).toEqual({ n: 2 })
})

const isOf =
  (name: string) =>
  (lease: { readonly projection: string }): boolean =>
    lease.projection === name

for (const name of ['postgres', 'lmdb'])
  test(`a worker whose version another one has begun just before it follows that one, in ${name}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tailrace-begin-'))
    const store = name === 'lmdb' ? lmdb({ path: folder }) : rig.store
    const def = sums(`raced-${name}`)
    let others = 0
    const raced = overriding(store, {
      async open(projectionDef, history) {
        const opened = await store.open(projectionDef, history)
        return overriding(opened, {
          async bulkLoad(documents, moves) {
            async function* nothing(): AsyncGenerator<readonly DocumentChange[]> {}
            if (others++ === 0) await opened.bulkLoad(nothing(), moves)
            return opened.bulkLoad(documents, moves)
          },
        })
      },
    })
    const { log, leases, clock } = rig
    const worker = startProjectionWorker({
      projections: [{ projection: def, store: raced }],
      log,
      leases,
      clock,
    })
    const { position: head } = await log.head()
    await until(
      () => worker.status()[0]!.position === head || worker.status()[0]!.state === 'failed',
      'the version to be at the head',
    )
    expect(worker.status()[0]!.position).toBe(head)
    await worker.stop()
    const opened = await store.open(def, historyText(log.identity))
    expect((await opened.load(['s1'])).get('s1')?.document).toEqual({ n: 2 })
    if (store !== rig.store) await store.close()
    await rm(folder, { recursive: true, force: true })
  })

test('what a load that broke off has left is gone when the version is followed from the start', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-begin-'))
  const store = lmdb({ path: folder })
  const def = sums('leftovers')
  const { log, leases, clock } = rig
  const opened = await store.open(def, historyText(log.identity))
  async function* broken(): AsyncGenerator<readonly DocumentChange[]> {
    yield [{ key: 's1', document: { n: 40 }, position: 50n } as DocumentChange]
    throw new Error('broke off')
  }
  const moves = slotRanges(4).map((slots, range) => ({
    range,
    slots,
    fence: 0n,
    from: undefined,
    to: 50n,
  }))
  await expect(opened.bulkLoad(broken(), moves)).rejects.toThrow('broke off')
  const worker = startProjectionWorker({
    projections: [{ projection: def, store }],
    log,
    leases,
    clock,
  })
  const { position: head } = await log.head()
  await until(() => worker.status()[0]!.position === head, 'the version to be at the head')
  await worker.stop()
  expect((await opened.load(['s1'])).get('s1')?.document).toEqual({ n: 2 })
  await store.close()
  await rm(folder, { recursive: true, force: true })
})
