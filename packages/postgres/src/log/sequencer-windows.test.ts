import type { PoolClient } from 'pg'
import type { ActiveSequencer, SequencerCursor } from 'tailrace/adapter'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { append, freshLog, type TestLog } from '../../../../test/support/event-log.ts'
import { postgresSequencer } from './postgres-sequencer.ts'

// Deterministic schedules of concurrent transactions, each on a connection of its own. Where a simpler reader goes
// wrong in the same schedule, it runs beside ours as the control.

let log: TestLog
let sequencer: ActiveSequencer
let cursor: SequencerCursor
let clients: PoolClient[]

beforeAll(async () => {
  log = await freshLog()
})

beforeEach(async () => {
  await log.reset()
  clients = []
  sequencer = (await postgresSequencer({ pool: log.pool }).acquire())!
  cursor = sequencer.cursor
})

afterEach(async () => {
  await sequencer.release()
  for (const client of clients) client.release(true)
})

afterAll(() => log.drop())

async function transaction(): Promise<PoolClient> {
  const client = await log.pool.connect()
  clients.push(client)
  await client.query('begin')
  return client
}

async function step(limit = 1_000): Promise<number> {
  const done = await sequencer.step(cursor, limit)
  cursor = done.cursor
  return done.assigned
}

/** What has a position, in its order, as `stream:version`. */
async function sequenced(): Promise<string[]> {
  const { rows } = await log.pool.query<{ position: string; name: string }>(
    `select s.position, e.aggregateid || ':' || e.version as name
     from tailrace.event_sequence s join tailrace.event_log e using (id) order by s.position`,
  )
  expect(rows.map((row) => Number(row.position))).toEqual(rows.map((_, i) => i + 1))
  return rows.map((row) => row.name)
}

/** Reader by identity column: `id > cursor`. */
async function byId(after: bigint): Promise<{ names: string[]; last: bigint }> {
  const { rows } = await log.pool.query<{ id: string; name: string }>(
    `select id, aggregateid || ':' || version as name from tailrace.event_log where id > $1 order by id`,
    [String(after)],
  )
  return { names: rows.map((row) => row.name), last: BigInt(rows.at(-1)?.id ?? after) }
}

/** Reader by transaction id below the oldest running one. */
async function byHorizon(): Promise<string[]> {
  const { rows } = await log.pool.query<{ name: string }>(
    `select aggregateid || ':' || version as name from tailrace.event_log
     where xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, id`,
  )
  return rows.map((row) => row.name)
}

test('an event that commits after one with a higher id is not passed over', async () => {
  const first = await transaction()
  await append(first, { stream: 'a' })
  await append(log.pool, { stream: 'b' })

  const naive = await byId(0n)
  expect(await step()).toBe(1)
  await first.query('commit')

  expect((await byId(naive.last)).names).toEqual([])
  expect(await step()).toBe(1)
  expect(await sequenced()).toEqual(['b:1', 'a:1'])
})

test('versions of a stream keep their order when the later one has the lower transaction id', async () => {
  const early = await transaction()
  await early.query('create temporary table other (n int) on commit drop')
  await early.query('insert into other values (1)')
  await append(log.pool, { stream: 'a', version: 1 })
  await append(early, { stream: 'a', version: 2 })
  await early.query('commit')

  // This reader waits for writers of every database of the server, such as those of other tests.
  await vi.waitFor(async () => expect(await byHorizon()).toEqual(['a:2', 'a:1']), {
    timeout: 15_000,
  })
  expect(await step()).toBe(2)
  expect(await sequenced()).toEqual(['a:1', 'a:2'])
})

test('an open write transaction delays its own events only', async () => {
  const long = await transaction()
  await append(long, { stream: 'long' })
  for (let version = 1; version <= 3; version++) {
    await append(log.pool, { stream: 'a', version })
    expect(await step()).toBe(1)
  }
  expect(await byHorizon()).toEqual([])
  await long.query('commit')
  expect(await step()).toBe(1)
  expect(await sequenced()).toEqual(['a:1', 'a:2', 'a:3', 'long:1'])
})

test('events of one transaction, also under savepoints, come together and rolled back ones never', async () => {
  const client = await transaction()
  await append(client, { stream: 'a', version: 1 })
  await client.query('savepoint s')
  await append(client, { stream: 'a', version: 2 })
  await client.query('savepoint t')
  await append(client, { stream: 'undone' })
  await client.query('rollback to t')
  expect(await step()).toBe(0)
  await client.query('commit')
  const undone = await transaction()
  await append(undone, { stream: 'undone' })
  await undone.query('rollback')
  expect(await step()).toBe(2)
  expect(await sequenced()).toEqual(['a:1', 'a:2'])
})

test('a backlog is paged as of one moment, so that what commits meanwhile keeps its order', async () => {
  const inside = await transaction()
  await append(log.pool, ...Array.from({ length: 25 }, (_, i) => ({ stream: 'a', version: i + 1 })))
  await append(inside, { stream: 'inside' })
  await append(log.pool, ...Array.from({ length: 25 }, (_, i) => ({ stream: 'b', version: i + 1 })))

  expect(await step(10)).toBe(10)
  expect(cursor.hi).toBeDefined()
  await inside.query('commit')
  await append(log.pool, { stream: 'c' })
  const pages = [await step(10), await step(10), await step(10), await step(10)]
  expect(pages).toEqual([10, 10, 10, 10])
  expect(cursor.hi).toBeUndefined()
  expect(await step(10)).toBe(2)

  const names = await sequenced()
  expect(names.slice(24, 26)).toEqual(['a:25', 'b:1'])
  expect(names.slice(50)).toEqual(['inside:1', 'c:1'])
})

test('the durable cursor goes on within a backlog', async () => {
  await append(log.pool, ...Array.from({ length: 30 }, (_, i) => ({ stream: 'a', version: i + 1 })))
  await step(10)
  await sequencer.release()
  sequencer = (await postgresSequencer({ pool: log.pool }).acquire())!
  expect(sequencer.cursor).toEqual(cursor)
  await step(10)
  await step(10)
  expect(await step(10)).toBe(0)
  expect(await sequenced()).toHaveLength(30)
})

test('the first sequencer of a log finds everything that was committed before it', async () => {
  await sequencer.release()
  await log.reset()
  const open = await transaction()
  await append(open, { stream: 'open' })
  await append(log.pool, { stream: 'a' }, { stream: 'b' })
  sequencer = (await postgresSequencer({ pool: log.pool }).acquire())!
  cursor = sequencer.cursor
  expect(await step()).toBe(2)
  await open.query('commit')
  expect(await step()).toBe(1)
  expect(await sequenced()).toEqual(['a:1', 'b:1', 'open:1'])
})

test('a prepared transaction is sequenced when it is committed, however late', async (context) => {
  const { rows } = await log.pool.query('show max_prepared_transactions')
  context.skip(
    rows[0].max_prepared_transactions === '0',
    'the server has no room for prepared transactions',
  )
  const client = await transaction()
  await append(client, { stream: 'prepared' })
  await client.query(`prepare transaction 'tailrace-test-prepared'`)
  await append(log.pool, { stream: 'a' })
  expect(await step()).toBe(1)
  await log.pool.query(`commit prepared 'tailrace-test-prepared'`)
  expect(await step()).toBe(1)
  expect(await sequenced()).toEqual(['a:1', 'prepared:1'])
})
