import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { Client } from 'pg'
import { event, projection } from '../index.ts'
import { until, workerRig, type WorkerRig } from '../../../../test/support/worker-rig.ts'
import { testServer } from '../../../../test/support/postgres.ts'
import { historyText } from './inspect-version.ts'
import { startProjectionWorker, type ProjectionWorker } from './projection-worker.ts'

const Happened = event('Happened', z.object({ n: z.int() }))
const Sums = projection('sums', {
  version: 1,
  from: [Happened],
  document: z.object({ sum: z.int(), count: z.int() }),
  key: (e) => e.stream,
  on: { Happened: (e, doc) => ({ sum: (doc?.sum ?? 0) + e.data.n, count: (doc?.count ?? 0) + 1 }) },
})

let rig: WorkerRig
let admin: Client
let worker: ProjectionWorker
beforeAll(async () => {
  rig = await workerRig()
  admin = new Client({ connectionString: await testServer() })
  await admin.connect()
  const { log, leases, clock, store } = rig
  worker = startProjectionWorker({ projections: [{ projection: Sums, store }], log, leases, clock })
})
afterAll(async () => {
  await worker.stop()
  await admin.end()
  await rig.drop()
})

function happen(count: number): Promise<bigint> {
  return rig.record(
    ...Array.from({ length: count }, (_, i) => ({ stream: `s${i % 9}`, payload: { n: i } })),
  )
}

async function expectExact(head: bigint): Promise<void> {
  await until(() => (worker.status()[0]!.position ?? 0n) >= head, `position ${head}`, 15_000)
  const store = await rig.store.open(Sums, historyText(rig.log.identity))
  const found: Record<string, unknown> = {}
  for await (const page of store.dump()) for (const { key, document } of page) found[key] = document
  const { rows } = await rig.write.pool.query(
    "select aggregateid as stream, sum((payload->>'n')::int)::int as sum, count(*)::int as count from tailrace.event_log group by 1",
  )
  expect(found).toEqual(
    Object.fromEntries(rows.map(({ stream, sum, count }) => [stream, { sum, count }])),
  )
}

const databaseOf = (url: string): string => new URL(url).pathname.slice(1)

async function cutOff(url: string): Promise<void> {
  await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
    databaseOf(url),
  ])
}

test('connections of the read database that are cut again and again cost nothing but time', async () => {
  let head = 0n
  for (let round = 0; round < 8; round++) {
    head = await happen(200)
    worker.wake()
    await cutOff(rig.read.url)
  }
  await expectExact(head)
})

test('a read database that is away is waited for, said in the status, and caught up with', async () => {
  const database = databaseOf(rig.read.url)
  await admin.query(`alter database ${database} allow_connections false`)
  await cutOff(rig.read.url)
  const head = await happen(300)
  await until(
    () => worker.status()[0]!.waiting !== undefined,
    'the worker to say what it waits for',
  )
  expect(worker.status()[0]!.waiting).toMatch(/not currently accepting connections|terminat/)
  await admin.query(`alter database ${database} allow_connections true`)
  await expectExact(head)
  expect(worker.status()[0]!.waiting).toBeUndefined()
})

test('a write database that is cut off is waited for too', async () => {
  await cutOff(rig.write.url)
  const head = await until(() => happen(100).catch(() => undefined), 'the log to take events again')
  await expectExact(head)
})
