import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { event, sqlProjection } from '../index.ts'
import type { ReadStore } from '../ports/read-store.ts'
import type { SqlReader } from '../ports/reader.ts'
import { until, workerRig, type WorkerRig } from '../../../../test/support/worker-rig.ts'
import { overriding } from '../../../conformance/src/overriding.ts'
import { historyText } from './inspect-version.ts'
import { startProjectionWorker, type ProjectionWorker } from './projection-worker.ts'

const Happened = event('Happened', z.object({ n: z.int() }))

/** Adds up: an event applied twice, or not at all, shows in the sum. */
function adding(name: string) {
  return sqlProjection(name, {
    version: 1,
    from: [Happened],
    tables: { total: 'stream text primary key, n bigint not null, events bigint not null' },
    on: {
      Happened: async (e, tx) => {
        await tx.query(
          'insert into $total as t values ($1, $2, 1) on conflict (stream) do update set n = t.n + excluded.n, events = t.events + 1',
          [e.stream, e.data.n],
        )
      },
    },
  })
}

let rig: WorkerRig
beforeAll(async () => {
  rig = await workerRig()
})
afterAll(() => rig.drop())

const leaseTtlMs = 800

function start(
  def: ReturnType<typeof adding>,
  owner: string,
  store: ReadStore = rig.store,
): ProjectionWorker {
  const { log, leases, clock } = rig
  return startProjectionWorker({
    projections: [{ projection: def, store }],
    log,
    leases,
    clock,
    owner,
    leaseTtlMs,
  })
}

async function happen(count: number): Promise<bigint> {
  return rig.record(
    ...Array.from({ length: count }, (_, i) => ({ stream: `s${i % 40}`, payload: { n: i } })),
  )
}

async function totals(def: ReturnType<typeof adding>): Promise<{ n: string; events: string }> {
  const store = await rig.store.open(def, historyText(rig.log.identity))
  const reader = store.reader() as unknown as SqlReader
  const rows = await reader.query<{ n: string; events: string }>(
    'select sum(n)::text as n, sum(events)::text as events from $total',
  )
  return rows[0]!
}

async function recorded(): Promise<{ n: string; events: string }> {
  const { rows } = await rig.write.pool.query(
    "select sum((payload->>'n')::bigint)::text as n, count(*)::text as events from tailrace.event_log",
  )
  return rows[0]
}

function ranges(worker: ProjectionWorker): number {
  return worker.status()[0]!.ranges.length
}

test('workers share the slots without a leader, and take over from one that stops', async () => {
  const def = adding('shared')
  const first = start(def, 'first')
  await until(() => ranges(first) === 4, 'the first worker to own all ranges')
  const second = start(def, 'second')
  await until(() => ranges(first) === 2 && ranges(second) === 2, 'both to own half')
  const third = start(def, 'third')
  await until(
    () => [first, second, third].map(ranges).toSorted().join() === '1,1,2',
    'three to share',
  )
  await happen(500)
  await Promise.all([first.stop(), third.stop()])
  await happen(500)
  await until(() => ranges(second) === 4, 'the one that is left to own all ranges')
  const wanted = await recorded()
  await until(async () => (await totals(def)).events === wanted.events, 'all events to be applied')
  await second.stop()
  expect(await totals(def)).toEqual(wanted)
})

test('a worker that stops in the middle of a write, past its lease, changes nothing when it goes on', async () => {
  const def = adding('overtaken')
  const gate = Promise.withResolvers<void>()
  let stopped = 0
  /** The real store; while the gate is shut, the worker stands still right before its write. */
  const standing = overriding(rig.store, {
    open: async (projection, history) => {
      const opened = await rig.store.open(projection, history)
      return overriding(opened, {
        applySql: async (batch) => {
          stopped++
          await gate.promise
          return opened.applySql(batch)
        },
      })
    },
  })
  await happen(300)
  const zombie = start(def, 'a-zombie', standing)
  await until(() => stopped > 0, 'the first worker to be about to write')
  const stand = rig.leases.claim.bind(rig.leases)
  // A process that is stopped renews nothing either.
  rig.leases.claim = (options) =>
    options.owner === 'a-zombie' ? new Promise(() => undefined) : stand(options)
  const heir = start(def, 'heir')
  await until(() => ranges(heir) === 4, 'the other to take over')
  const wanted = await recorded()
  await until(async () => (await totals(def)).events === wanted.events, 'all events to be applied')
  gate.resolve()
  await until(
    () =>
      (zombie.status()[0]!.lastError ?? '').includes('PROJECTION_FENCED') ||
      zombie.status()[0]!.lastError?.includes('checkpoint'),
    'the first to be refused',
  )
  await happen(300)
  const later = await recorded()
  await until(async () => (await totals(def)).events === later.events, 'later events to be applied')
  expect(await totals(def)).toEqual(later)
  rig.leases.claim = stand
  await heir.stop()
})

test('a paused projection stops for every worker and goes on where it was', async () => {
  const def = adding('paused')
  const worker = start(def, 'pausing')
  const before = await happen(50)
  await until(() => worker.status()[0]!.position === before, 'the projection to reach the head')
  await rig.leases.setPaused(def.name, true)
  await until(() => worker.status()[0]!.state === 'paused', 'the projection to pause')
  const held = await totals(def)
  await happen(50)
  expect(await totals(def)).toEqual(held)
  await rig.leases.setPaused(def.name, false)
  const wanted = await recorded()
  await until(async () => (await totals(def)).events === wanted.events, 'the rest to be applied')
  expect(await totals(def)).toEqual(wanted)
  await worker.stop()
})
