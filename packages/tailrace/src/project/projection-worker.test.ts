import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection, sqlProjection } from '../index.ts'
import type { DocumentReader } from '../ports/reader.ts'
import type { ReadStore } from '../ports/read-store.ts'
import type { AnyProjectionDef } from '../declare/projection.ts'
import { until, workerRig, type WorkerRig } from '../../../../test/support/worker-rig.ts'
import { startProjectionWorker, type ProjectionWorker } from './projection-worker.ts'
import { historyText } from './inspect-version.ts'

const Happened = event('Happened', z.object({ amount: z.int(), fail: z.boolean().optional() }))
const Ended = event('Ended', z.object({}))
const Tally = z.object({
  stream: z.string(),
  count: z.int(),
  sum: z.int(),
  versions: z.array(z.int()),
})
type Tally = z.infer<typeof Tally>

let broken = true

function tally(name: string, version = 1) {
  return projection(name, {
    version,
    from: [Happened, Ended],
    document: Tally,
    key: (e) => e.stream,
    on: {
      Happened: (e, doc) => {
        if (e.data.fail === true && broken) throw new Error('cannot handle this one')
        return {
          stream: e.stream,
          count: (doc?.count ?? 0) + 1,
          sum: (doc?.sum ?? 0) + e.data.amount,
          versions: [...(doc?.versions ?? []), e.version],
        }
      },
      Ended: () => null,
    },
  })
}

let rig: WorkerRig
beforeAll(async () => {
  rig = await workerRig()
})
afterAll(() => rig.drop())

function start(
  projections: readonly AnyProjectionDef[],
  over: Pick<
    Partial<Parameters<typeof startProjectionWorker>[0]>,
    'owner' | 'leaseTtlMs' | 'ranges' | 'onProblem'
  > & { store?: ReadStore } = {},
): ProjectionWorker {
  return startProjectionWorker({
    projections: projections.map((one) => ({ projection: one, store: over.store ?? rig.store })),
    log: rig.log,
    leases: rig.leases,
    clock: rig.clock,
    ...over,
  })
}

async function opened(def: AnyProjectionDef) {
  return rig.store.open(def, historyText(rig.log.identity))
}

/** Waits until every range of a projection has passed a position. */
async function reached(def: AnyProjectionDef, position: bigint, ms?: number): Promise<void> {
  const store = await opened(def)
  await until(
    async () => {
      const checkpoints = [...(await store.checkpoints()).values()]
      return checkpoints.length > 0 && checkpoints.every((one) => one.position >= position)
    },
    `${def.name} to reach ${position}`,
    ms,
  )
}

async function documents(def: AnyProjectionDef): Promise<Record<string, Tally>> {
  const all: Record<string, Tally> = {}
  for await (const page of (await opened(def)).dump()) {
    for (const { key, document } of page) all[key] = document as Tally
  }
  return all
}

test('folds events by key and moves the checkpoints over foreign ones', async () => {
  const Sums = tally('sums')
  const worker = start([Sums])
  await rig.record(
    { stream: 'a', version: 1, payload: { amount: 1 } },
    { stream: 'b', version: 1, payload: { amount: 10 } },
    { stream: 'a', version: 2, payload: { amount: 2 } },
    { stream: 'c', version: 1, payload: { amount: 5 } },
    { stream: 'c', version: 2, type: 'Ended' },
  )
  const head = await rig.record({ stream: 'x', type: 'Foreign' })
  worker.wake()
  await reached(Sums, head)
  expect(await documents(Sums)).toEqual({
    a: { stream: 'a', count: 2, sum: 3, versions: [1, 2] },
    b: { stream: 'b', count: 1, sum: 10, versions: [1] },
  })
  const reader = (await opened(Sums)).reader() as unknown as DocumentReader<Tally>
  expect(await reader.get('a')).toMatchObject({ count: 2 })
  await until(() => worker.status()[0]!.state === 'live', 'the projection to be live')
  expect(worker.status()).toMatchObject([
    { ranges: [0, 1, 2, 3], position: head, waiting: undefined },
  ])
  await worker.stop()
  expect((await rig.leases.list()).filter((lease) => lease.owner === worker.owner)).toEqual([])
})

test('parks the key of an event that fails, lets others go on, and keeps later events of the key behind it', async () => {
  const Parking = tally('parking')
  const told: string[] = []
  const worker = start([Parking], {
    onProblem: (name, error) => told.push(`${name}: ${String(error)}`),
  })
  await rig.record(
    { stream: 'p1', version: 1, payload: { amount: 1 } },
    { stream: 'p1', version: 2, payload: { amount: 2, fail: true } },
    { stream: 'p1', version: 3, payload: { amount: 4 } },
    { stream: 'p2', version: 1, payload: { amount: 1 } },
  )
  await reached(Parking, await rig.record({ stream: 'p1', version: 4, payload: { amount: 8 } }))
  const all = await documents(Parking)
  expect(all['p1']).toMatchObject({ sum: 1, versions: [1] })
  expect(all['p2']).toMatchObject({ sum: 1 })
  expect(told).toEqual([
    expect.stringMatching(/^parking: .*key "p1" is parked: .*cannot handle this one/),
  ])
  const store = await opened(Parking)
  expect(await store.parked()).toMatchObject([
    {
      key: 'p1',
      events: 3,
      failure: { type: 'Happened', error: 'Error: cannot handle this one', attempts: 3 },
    },
  ])
  expect(worker.status()[0]).toMatchObject({ state: 'parked', parkedKeys: 1 })
  await worker.stop()
})

test('a sql projection writes its tables with its checkpoints, and parks a group that fails', async () => {
  const Amounts = sqlProjection('amounts', {
    version: 1,
    from: [Happened],
    tables: { amount: 'stream text primary key, total bigint not null check (total < 1000)' },
    setup: ['create index on $amount (total)'],
    on: {
      Happened: async (e, tx) => {
        await tx.query(
          'insert into $amount as t values ($1, $2) on conflict (stream) do update set total = t.total + excluded.total',
          [e.stream, e.data.amount],
        )
      },
    },
  })
  const worker = start([Amounts])
  await rig.record(
    { stream: 'q1', version: 1, payload: { amount: 7 } },
    { stream: 'q2', version: 1, payload: { amount: 5_000 } },
    { stream: 'q1', version: 2, payload: { amount: 3 } },
  )
  await reached(Amounts, await rig.record({ stream: 'q2', version: 2, payload: { amount: 1 } }))
  const store = await opened(Amounts)
  const reader = store.reader() as unknown as {
    query(sql: string, parameters?: unknown[]): Promise<unknown[]>
  }
  expect(
    await reader.query("select stream, total from $amount where stream like 'q%' order by 1"),
  ).toEqual([{ stream: 'q1', total: '10' }])
  expect(await store.parked()).toMatchObject([
    { key: 'q2', failure: { error: expect.stringContaining('amount_total_check') } },
  ])
  expect((await store.parkedPositions('q2')).length).toBe(2)
  await worker.stop()
})

test('says that a read model holds events the log lost, and applies nothing', async () => {
  const Ahead = tally('ahead')
  const store = await opened(Ahead)
  await store.apply({
    moves: [{ range: 0, slots: { from: 0, to: 63 }, fence: 1n, from: undefined, to: 1_000_000n }],
    changes: [],
    rows: [],
    park: [],
  })
  const worker = start([Ahead])
  await until(() => worker.status()[0]!.state === 'failed', 'the projection to fail')
  expect(worker.status()[0]!.waiting).toContain('beyond the head')
  expect(await documents(Ahead)).toEqual({})
  await worker.stop()
})

test('makes leases again that a restore of the database has taken away, and goes on', async () => {
  const def = tally('leaseless')
  const worker = start([def], { leaseTtlMs: 600 })
  await reached(def, await rig.record({ stream: 'l', type: 'Happened', payload: { amount: 1 } }))
  await rig.write.pool.query(`delete from tailrace.lease where projection = 'leaseless'`)
  await until(
    async () =>
      (await rig.leases.list()).filter(({ projection: name }) => name === 'leaseless').length > 0,
    'the leases to be made again',
  )
  await reached(def, await rig.record({ stream: 'l', type: 'Happened', payload: { amount: 2 } }))
  await worker.stop()
})

test('refuses two streams in one document unless the scope is the log', async () => {
  const spec = {
    version: 1,
    from: [Happened, Ended] as const,
    document: z.object({ count: z.int() }),
    key: () => 'all',
    on: {
      Happened: (_: unknown, doc: { count: number } | undefined) => ({
        count: (doc?.count ?? 0) + 1,
      }),
      Ended: () => undefined,
    },
  }
  const Crossing = projection('crossing', spec)
  const Counting = projection('counting', { ...spec, scope: 'log' })
  const head = await rig.record(
    { stream: 'k1', payload: { amount: 1 } },
    { stream: 'k2', payload: { amount: 1 } },
  )
  const worker = start([Crossing, Counting])
  await until(() => worker.status()[0]!.state === 'failed', 'the projection to fail')
  expect(worker.status()[0]!.lastError).toContain("scope: 'log'")
  await reached(Counting, head)
  const { rows } = await rig.write.pool.query(
    "select count(*)::int as n from tailrace.event_log where type = 'Happened'",
  )
  expect(await documents(Counting)).toEqual({ all: { count: rows[0].n } })
  await worker.stop()
})
