import { overriding } from '@tailrace/conformance'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection } from '../index.ts'
import type { AnyProjectionDef } from '../declare/projection.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { DocumentChange, ProjectionStore, ReadStore } from '../ports/read-store.ts'
import { slotRanges } from '../log/slot.ts'
import { until, workerRig, type WorkerRig } from '../../../../test/support/worker-rig.ts'
import { historyText } from './inspect-version.ts'
import { startProjectionWorker } from './projection-worker.ts'
import { buildVersion } from './rebuild.ts'
import { retryParked } from './settle-parked.ts'
import { dropAbandoned, openReadable } from './version-switch.ts'

const Happened = event('Happened', z.object({ n: z.int() }))
const streams = 400

/** Version 2 counts too, which version 1 forgot. */
function history(version: number) {
  return projection('history', {
    version,
    from: [Happened],
    document: z.object({ sum: z.int(), count: z.int(), last: z.string() }),
    key: (e) => {
      if (e.data.n === -99) throw new Error('no key')
      return `h-${e.stream}`
    },
    on: {
      Happened: (e, doc) => {
        if (e.data.n < 0) throw new Error('negative')
        return {
          sum: (doc?.sum ?? 0) + e.data.n,
          count: version === 1 ? 0 : (doc?.count ?? 0) + 1,
          last: e.at,
        }
      },
    },
  })
}

let rig: WorkerRig
beforeAll(async () => {
  rig = await workerRig()
  for (let part = 0; part < 3; part++) {
    await happen(
      Array.from({ length: 4_000 }, (_, i) => ({ stream: `s${(i * 7) % streams}`, n: i % 50 })),
    )
  }
  await happen([
    { stream: 's1', n: -1 },
    { stream: 's2', n: -99 },
    { stream: 's1', n: 5 },
    { stream: 's2', n: 5 },
  ])
})
afterAll(() => rig.drop())

function happen(list: readonly { stream: string; n: number }[]): Promise<bigint> {
  return rig.record(...list.map(({ stream, n }) => ({ stream, payload: { n } })))
}

function open(def: AnyProjectionDef): Promise<ProjectionStore> {
  return rig.store.open(def, historyText(rig.log.identity))
}

/** What the log comes to, said in SQL. */
async function wanted(): Promise<Map<string, { sum: number; count: number }>> {
  const { rows } = await rig.write.pool.query(
    "select aggregateid as stream, sum((payload->>'n')::int)::int as sum, count(*)::int as count from tailrace.event_log where aggregateid not in ('s1', 's2') group by 1",
  )
  return new Map(rows.map(({ stream, sum, count }) => [`h-${stream}`, { sum, count }]))
}

async function found(store: ProjectionStore): Promise<Map<string, { sum: number; count: number }>> {
  const all = new Map<string, { sum: number; count: number }>()
  for await (const page of store.dump()) {
    for (const { key, document } of page) {
      const { sum, count } = document as { sum: number; count: number }
      if (key !== 'h-s1' && key !== 'h-s2') all.set(key, { sum, count })
    }
  }
  return all
}

test('a new version is built beside the live one, catches up, and is given to readers; a rollback is one step', async () => {
  const { log, leases, clock, store } = rig
  const run = (def: AnyProjectionDef, owner: string) =>
    startProjectionWorker({
      projections: [{ projection: def, store }],
      log,
      leases,
      clock,
      owner,
      build: { fromEvents: 1_000 },
    })
  const old = run(history(1), 'old')
  await until(
    () => old.status()[0]!.state === 'parked',
    'version 1 to be live, with its parked keys',
  )
  expect(await store.liveVersion('history')).toBe(1)

  const one = run(history(2), 'new-1')
  const two = run(history(2), 'new-2')
  await happen(Array.from({ length: 500 }, (_, i) => ({ stream: `t${i % 50}`, n: 1 })))
  expect((await openReadable(history(2), store, historyText(log.identity))).version).toBe(1)
  await until(
    async () => (await store.liveVersion('history')) === 2,
    'readers to be on version 2',
    20_000,
  )
  await until(
    () => [one, two].every((worker) => worker.status()[0]!.state !== 'rebuilding'),
    'both workers to know',
  )
  const head = await happen([{ stream: 't1', n: 1 }])
  const built = await open(history(2))
  await until(
    async () =>
      [...(await built.checkpoints()).values()].every((checkpoint) => checkpoint.position >= head),
    'version 2 to follow',
  )
  expect(await found(built)).toEqual(await wanted())
  expect((await built.parked()).map(({ key, events }) => [key, events])).toEqual([
    ['h-s1', 2],
    ['@stream:s2', 2],
  ])
  // A rollback: the old version is still there and was followed by its worker.
  await store.switchTo('history', 1)
  expect((await openReadable(history(2), store, historyText(log.identity))).version).toBe(1)
  await store.switchTo('history', 2)
  await Promise.all([old.stop(), one.stop(), two.stop()])
  expect(await dropAbandoned(store, 'history', [])).toEqual([1])
  expect(await store.versions('history')).toEqual([2])
})

test('a new version of which too many keys are parked is not given to readers, and says so', async () => {
  const { log, leases, clock, store } = rig
  const told: string[] = []
  const run = (def: AnyProjectionDef, parkedMax: number) =>
    startProjectionWorker({
      projections: [{ projection: { ...def, name: 'guarded' }, store }],
      log,
      leases,
      clock,
      build: { fromEvents: 1_000, parkedMax },
      onProblem: (name, error) => told.push(`${name}: ${String(error)}`),
    })
  const old = run(history(1), 0)
  await until(
    () => old.status()[0]!.state === 'parked',
    'version 1 to be live, also with parked keys',
  )
  const strict = run(history(2), 1)
  await until(() => strict.status()[0]!.state === 'failed', 'version 2 to be refused', 20_000)
  expect(strict.status()[0]!.waiting).toMatch(
    /expected up to 1 parked keys in version 2 of projection "guarded", got 2: readers stay on version 1/,
  )
  await strict.stop()
  expect(await store.liveVersion('guarded')).toBe(1)
  expect(told.filter((text) => text.includes('readers stay on version 1'))).toHaveLength(1)
  const lenient = run(history(2), 2)
  await until(async () => (await store.liveVersion('guarded')) === 2, 'readers to be on version 2')
  await Promise.all([old.stop(), lenient.stop()])
})

test('a process builds one version at a time: the memory for builds is there once', async () => {
  const { leases, clock, store } = rig
  let scanning = 0
  let most = 0
  const log: EventLog = {
    ...rig.log,
    identity: rig.log.identity,
    read: (options) => rig.log.read(options),
    head: () => rig.log.head(),
    epochs: () => rig.log.epochs(),
    async *scan(options) {
      most = Math.max(most, ++scanning)
      try {
        yield* rig.log.scan(options)
      } finally {
        scanning--
      }
    },
  }
  const names = ['turn-1', 'turn-2', 'turn-3']
  const worker = startProjectionWorker({
    projections: names.map((name) => ({ projection: { ...history(2), name }, store })),
    log,
    leases,
    clock,
    build: { fromEvents: 1_000 },
  })
  await until(
    () => worker.status().every(({ state }) => state === 'parked'),
    'all three to be live, with their parked keys',
    20_000,
  )
  await worker.stop()
  expect(most).toBe(1)
})

const ranges = slotRanges(4).map((slots, range) => ({ range, slots, fence: 1n }))

test('a build in little memory reads the log several times and comes to the same', async () => {
  const through = (await rig.log.head()).position
  const whole = { ...history(2), name: 'whole' }
  const parts = { ...history(2), name: 'parts' }
  const options = { log: rig.log, ranges, through }
  const one = await buildVersion({ projection: whole, store: await open(whole), ...options })
  const many = await buildVersion({
    projection: parts,
    store: await open(parts),
    ...options,
    memoryBytes: 60_000,
  })
  expect(one).toMatchObject({ passes: 1, parkedKeys: 2, documents: streams + 50 - 1 + 1 })
  expect(many.passes).toBeGreaterThan(2)
  expect({ ...many, passes: 1 }).toEqual(one)
  expect(await (await open(parts)).parkedPositions('@stream:s2')).toEqual(
    await (await open(whole)).parkedPositions('@stream:s2'),
  )
  expect(
    [...(await (await open(parts)).checkpoints()).values()].map(({ position }) => position),
  ).toEqual([through, through, through, through])
})

test('a store that does not hold what was loaded is found out before readers see it', async () => {
  const def = { ...history(2), name: 'lossy' }
  const store = await open(def)
  const lossy: ProjectionStore = {
    ...store,
    async bulkLoad(documents, moves) {
      async function* without(): AsyncGenerator<readonly DocumentChange[]> {
        for await (const page of documents) yield page.filter(({ key }) => key !== 'h-s7')
      }
      await store.bulkLoad(without(), moves)
    },
  }
  const through = (await rig.log.head()).position
  await expect(
    buildVersion({ projection: def, store: lossy, log: rig.log, ranges, through }),
  ).rejects.toMatchObject({
    code: 'REBUILD_FAILED',
    message: expect.stringContaining('documents instead of'),
  })
})

/** A store whose bulk loads lose a document for as long as `loses` says so. */
function forgetful(loses: () => boolean): ReadStore {
  return overriding(rig.store, {
    async open(def, identity) {
      const opened = await rig.store.open(def, identity)
      return overriding(opened, {
        async bulkLoad(documents, moves) {
          async function* without(): AsyncGenerator<readonly DocumentChange[]> {
            for await (const page of documents)
              yield loses() ? page.filter(({ key }) => key !== 'h-s7') : page
          }
          await opened.bulkLoad(without(), moves)
        },
      })
    },
  })
}

test('a version that was found out is removed, never followed, and built again when somebody looks again', async () => {
  const def = { ...history(1), name: 'found-out' }
  let loses = true
  const { log, leases } = rig
  // Whoever waits for ten seconds after a failure waits for one of these.
  const clock = {
    ...rig.clock,
    sleep: (ms: number, signal?: AbortSignal) => rig.clock.sleep(Math.min(ms, 500), signal),
  }
  const worker = startProjectionWorker({
    projections: [{ projection: def, store: forgetful(() => loses) }],
    log,
    leases,
    clock,
    build: { fromEvents: 1_000 },
  })
  await until(
    () => worker.status()[0]!.lastError?.includes('to hold what was folded'),
    'the build to fail',
  )
  expect(await rig.store.versions('found-out')).toEqual([])
  await until(() => worker.status()[0]!.state === 'failed', 'the worker to say so')
  expect(await rig.store.liveVersion('found-out')).toBeUndefined()
  loses = false
  await until(() => worker.status()[0]!.state === 'parked', 'the version to be built', 20_000)
  await worker.stop()
  expect(await found(await open(def))).toEqual(
    new Map([...(await wanted())].map(([key, doc]) => [key, { ...doc, count: 0 }])),
  )
})

test('what other workers apply while a build is compared does not make it wrong', async () => {
  const def = { ...history(2), name: 'followed' }
  const store = await open(def)
  const through = (await rig.log.head()).position
  const followed = overriding(store, {
    async *dump() {
      // A worker of the second range is ahead of the comparison.
      const change = {
        key: 'h-new',
        document: { sum: 1, count: 1, last: '' },
        position: through + 1n,
      }
      const move = { ...ranges[1]!, from: through, to: through + 1n }
      await store
        .apply({ moves: [move], changes: [change], rows: [], park: [] })
        .catch(() => undefined)
      yield* store.dump()
    },
  })
  await expect(
    buildVersion({ projection: def, store: followed, log: rig.log, ranges, through }),
  ).resolves.toMatchObject({ through })
})

test('keys that a build parked can be settled', async () => {
  const def = {
    ...history(2),
    name: 'settled-build',
    keysOf: (e: never) => [`h-${(e as { stream: string }).stream}`],
    on: {
      Happened: (e: { data: { n: number } }, doc: { sum: number } | undefined) => {
        if (e.data.n < 0 && broken) throw new Error('negative')
        return { sum: (doc?.sum ?? 0) + e.data.n, count: 1, last: '' }
      },
    },
  } as unknown as AnyProjectionDef
  let broken = true
  const store = await open(def)
  await buildVersion({
    projection: def,
    store,
    log: rig.log,
    ranges,
    through: (await rig.log.head()).position,
  })
  expect((await store.parked()).map(({ key }) => key).toSorted()).toEqual(['h-s1', 'h-s2'])
  broken = false
  expect(await retryParked({ projection: def, store, log: rig.log, key: 'h-s1' })).toMatchObject({
    handled: 2,
    remaining: 0,
  })
  const { rows } = await rig.write.pool.query(
    "select sum((payload->>'n')::int)::int as sum from tailrace.event_log where aggregateid = 's1'",
  )
  expect((await store.load(['h-s1'])).get('h-s1')?.document).toMatchObject({ sum: rows[0].sum })
})
