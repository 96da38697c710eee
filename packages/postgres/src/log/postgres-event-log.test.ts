import type { Pool } from 'pg'
import type { LogPage, RecordedEvent } from 'tailrace/adapter'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  append,
  freshLog,
  quietPool,
  type TestEvent,
  type TestLog,
} from '../../../../test/support/event-log.ts'
import { systemClock } from '../../../tailrace/src/run/system-clock.ts'
import { openEventLog, type PostgresEventLog } from './postgres-event-log.ts'
import { postgresSequencer } from './postgres-sequencer.ts'

const all = [{ from: 0, to: 255 }]
let log: TestLog
let events: PostgresEventLog

beforeAll(async () => {
  log = await freshLog()
})

beforeEach(async () => {
  await log.reset()
  events = await openEventLog({ pool: log.pool, clock: systemClock(), oldTransactionMs: 0 })
})

afterAll(() => log.drop())

/** Gives positions to everything committed, at most `limit` per step. */
async function sequence(limit = 10_000): Promise<void> {
  const sequencer = (await postgresSequencer({ pool: log.pool }).acquire())!
  let { cursor } = sequencer
  for (;;) {
    const step = await sequencer.step(cursor, limit)
    ;({ cursor } = step)
    if (step.assigned === 0 && !step.more) break
  }
  await sequencer.release()
}

const oneConnection = (options = ''): Pool =>
  quietPool({ connectionString: log.url, max: 1, options })

async function appendAndSequence(...list: readonly TestEvent[]): Promise<void> {
  await append(log.pool, ...list)
  await sequence()
}

async function pagesOf(pages: AsyncIterable<LogPage>): Promise<LogPage[]> {
  const list: LogPage[] = []
  for await (const page of pages) list.push(page)
  return list
}

const numbers = (list: readonly RecordedEvent[]): number[] =>
  list.map((event) => Number(event.position))

test('gives events back as they were written, by reading and by scanning alike', async () => {
  const payload = {
    text: 'tab\t newline\n quote" back\\slash \\n ä€😀 \u2028',
    nested: [1.5, null, true, { a: {} }],
    big: 9007199254740991,
  }
  const commandId = '0197f0a0-0000-7000-8000-000000000001'
  await log.pool.query(
    `insert into tailrace.event_log (version, command_id, slot, schema_version, ordinal, aggregatetype, aggregateid, type, payload, causation_id, traceparent, at)
     values (7, $1, 42, 3, 2, 'order', E'o\\t\\\\N\\n1', 'OrderPlaced', $2, 'cause/0', '00-trace-01', '2026-11-26 01:02:03.456789+02')`,
    [commandId, JSON.stringify(payload)],
  )
  await appendAndSequence({ stream: '\\N', payload: 'only text' })
  const first: RecordedEvent = {
    position: 1n,
    slot: 42,
    aggregate: 'order',
    stream: 'o\t\\N\n1',
    version: 7,
    type: 'OrderPlaced',
    schemaVersion: 3,
    data: payload,
    commandId,
    ordinal: 2,
    causationId: 'cause/0',
    traceparent: '00-trace-01',
    at: '2026-11-25T23:02:03.456Z',
  }
  const page = await events.read({ after: 0n, slots: all, limit: 10 })
  expect(page.events[0]).toEqual(first)
  expect(page.events[1]).toMatchObject({
    position: 2n,
    stream: '\\N',
    data: 'only text',
    causationId: undefined,
    traceparent: undefined,
  })
  expect(page.events[1]!.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  const scanned = await pagesOf(events.scan({ after: 0n, through: 2n }))
  expect(scanned.flatMap((one) => one.events)).toEqual(page.events)
  expect(await events.readAt([2n, 1n, 99n])).toEqual(page.events)
})

test('does not depend on the time zone or date style of the connection', async () => {
  await appendAndSequence({})
  const plain = await events.read({ after: 0n, slots: all, limit: 10 })
  const pool = oneConnection('-c timezone=Asia/Kolkata -c datestyle=German -c extra_float_digits=0')
  const odd = await openEventLog({ pool, clock: systemClock() })
  expect(await odd.read({ after: 0n, slots: all, limit: 10 })).toEqual(plain)
  expect((await odd.head()).nowMs).toBeGreaterThanOrEqual(Date.parse(plain.events[0]!.at))
  await pool.end()
})

test('reads the asked slots and types, and moves on over the others', async () => {
  await appendAndSequence(
    ...Array.from({ length: 20 }, (_, i) => ({
      slot: i % 4,
      type: i % 2 === 0 ? 'Even' : 'Odd',
      stream: `s${i}`,
    })),
  )
  const two = await events.read({
    after: 0n,
    slots: [
      { from: 0, to: 0 },
      { from: 3, to: 3 },
    ],
    limit: 4,
  })
  expect([numbers(two.events), two.through]).toEqual([[1, 4, 5, 8], 8n])
  const odd = await events.read({ after: 0n, slots: all, limit: 100, types: ['Odd'] })
  expect([odd.events.length, odd.through]).toEqual([10, 20n])
  const none = await events.read({ after: 5n, slots: [{ from: 100, to: 120 }], limit: 10 })
  expect(none).toEqual({ events: [], through: 20n })
  expect(await events.read({ after: 20n, slots: all, limit: 10 })).toEqual({
    events: [],
    through: 20n,
  })
  const paged: number[] = []
  for (let after = 0n; after < 20n;) {
    const page = await events.read({ after, slots: all, limit: 3 })
    paged.push(...numbers(page.events))
    after = page.through
  }
  expect(paged).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
})

test('reads pages larger and smaller than what is looked at per statement', async () => {
  await append(
    log.pool,
    ...Array.from({ length: 2_500 }, (_, i) => ({ slot: i % 256, stream: `s${i % 256}` })),
  )
  await sequence(700)
  expect((await events.read({ after: 0n, slots: all, limit: 2_500 })).events).toHaveLength(2_500)
  const sparse = { after: 0n, slots: [{ from: 7, to: 7 }], limit: 3 }
  expect((await events.read(sparse)).events.map((event) => event.slot)).toEqual([7, 7, 7])
  const scanned = await pagesOf(events.scan({ after: 100n, through: 2_400n }))
  expect(scanned.map((page) => page.events.length)).toEqual([1_000, 1_000, 300])
  expect(numbers(scanned.flatMap((page) => page.events))).toEqual(
    Array.from({ length: 2_300 }, (_, i) => i + 101),
  )
})

test('scans in the order of positions what got its id long before it was committed', async () => {
  const early = await log.pool.connect()
  await early.query('begin')
  await append(early, { stream: 'early' })
  const many = Array.from({ length: 22_500 }, (_, i) => ({ stream: `s${i % 9}`, slot: i % 9 }))
  await append(log.pool, ...many)
  await append(log.pool, ...many)
  await append(early, { stream: 'early', version: 2, type: 'Other' })
  await sequence()
  await early.query('commit')
  early.release()
  await appendAndSequence({ stream: 'late' })
  const scanned = await pagesOf(events.scan({ after: 0n, through: 45_003n }))
  const list = scanned.flatMap((page) => page.events)
  expect(numbers(list)).toEqual(Array.from({ length: 45_003 }, (_, i) => i + 1))
  expect(list.slice(-3).map((event) => event.stream)).toEqual(['early', 'early', 'late'])
  expect(Math.max(...scanned.map((page) => page.events.length))).toBe(1_000)
  const others = await pagesOf(events.scan({ after: 44_000n, through: 45_003n, types: ['Other'] }))
  expect(numbers(others.flatMap((page) => page.events))).toEqual([45_002])
})

test('prints times alike, whatever their fraction', async () => {
  const times = [
    '2026-01-02 03:04:05+00',
    '2026-01-02 03:04:05.1+00',
    '2026-01-02 03:04:05.12+00',
    '2026-01-02 03:04:05.1234+00',
    '2026-01-02 03:04:05.999999+00',
  ]
  for (const at of times) {
    const { ids } = await append(log.pool, {})
    await log.pool.query('update tailrace.event_log set at = $1 where id = $2', [
      at,
      String(ids[0]),
    ])
  }
  await sequence()
  const read = (await events.read({ after: 0n, slots: all, limit: 10 })).events
  expect(read.map((event) => event.at.slice(19))).toEqual([
    '.000Z',
    '.100Z',
    '.120Z',
    '.123Z',
    '.999Z',
  ])
  expect(
    (await pagesOf(events.scan({ after: 0n, through: 5n }))).flatMap((page) => page.events),
  ).toEqual(read)
})

test('scans the wanted types only, and ends at the last sequenced event', async () => {
  await appendAndSequence({ type: `It's\\fine` }, { type: 'Other' }, { type: 'Other' })
  const pages = await pagesOf(events.scan({ after: 0n, through: 50n, types: [`It's\\fine`] }))
  expect([numbers(pages.flatMap((page) => page.events)), pages.at(-1)!.through]).toEqual([[1], 3n])
  expect(await pagesOf(events.scan({ after: 3n, through: 50n }))).toEqual([])
})

test('leaves no connection behind when a scan is left early, or fails', async () => {
  await appendAndSequence(...Array.from({ length: 3_000 }, () => ({ payload: 'x'.repeat(2_000) })))
  for await (const page of events.scan({ after: 0n, through: 3_000n })) {
    expect(page.events).toHaveLength(1_000)
    break
  }
  await log.pool.query('alter table tailrace.event_sequence rename to elsewhere')
  await expect(pagesOf(events.scan({ after: 0n, through: 3_000n }))).rejects.toMatchObject({
    code: '42P01',
  })
  await log.pool.query('alter table tailrace.elsewhere rename to event_sequence')
  expect(log.pool.idleCount).toBe(log.pool.totalCount)
})

test('tells the head: sequenced, and committed but not sequenced', async () => {
  expect(await events.head()).toMatchObject({
    position: 0n,
    unsequenced: 0,
    oldestUnsequencedAtMs: undefined,
    sequencerSeenMs: undefined,
  })
  await append(log.pool, {}, {}, {})
  const before = await events.head()
  expect(before).toMatchObject({
    position: 0n,
    unsequenced: 3,
    systemId: events.identity.systemId,
    epoch: 1,
  })
  expect(before.oldestUnsequencedAtMs).toBeLessThanOrEqual(before.nowMs)

  const sequencer = (await postgresSequencer({ pool: log.pool }).acquire())!
  const step = await sequencer.step(sequencer.cursor, 2)
  expect(step.more).toBe(true)
  expect(await events.head()).toMatchObject({ position: 2n, unsequenced: 1 })
  await append(log.pool, {})
  expect(await events.head()).toMatchObject({ position: 2n, unsequenced: 2 })
  await sequencer.release()
  await sequence()
  const after = await events.head()
  expect(after).toMatchObject({ position: 4n, unsequenced: 0 })
  expect(after.sequencerSeenMs).toBeGreaterThan(before.nowMs)
})

test('names the oldest open transaction', async () => {
  const client = await log.pool.connect()
  await client.query('begin')
  const { rows } = await client.query(
    `select pg_backend_pid() as pid, pg_current_xact_id() as "the one that holds"`,
  )
  const head = await events.head()
  await client.query('rollback')
  client.release()
  expect(head.oldestTransaction).toMatchObject({
    pid: rows[0].pid,
    query: expect.stringContaining('the one that holds'),
    application: '',
  })
})

test('counts what is behind positions, and tells the time of the first of it', async () => {
  await appendAndSequence({}, {}, {})
  await append(log.pool, {})
  const [first, last] = (await events.read({ after: 0n, slots: all, limit: 10 })).events.filter(
    (_, i) => i !== 1,
  )
  expect(await events.behind([2n, 0n, 3n, 9n])).toEqual([
    { events: 1, oldestAtMs: Date.parse(last!.at) },
    { events: 3, oldestAtMs: Date.parse(first!.at) },
    { events: 0, oldestAtMs: undefined },
    { events: 0, oldestAtMs: undefined },
  ])
  expect(await events.behind([])).toEqual([])
})

test('resolves transactions to positions', async () => {
  const { xid } = await append(log.pool, {}, {})
  const silent = (await log.pool.query('select pg_current_xact_id()::text as xid')).rows[0]
    .xid as string
  const client = await log.pool.connect()
  await client.query('begin')
  const open = (await append(client, {})).xid
  const unknown = String(BigInt(open) + 1_000_000n)
  expect(await events.resolve([silent, xid, open, unknown])).toEqual([
    0n,
    'pending',
    undefined,
    undefined,
  ])

  const sequencer = (await postgresSequencer({ pool: log.pool }).acquire())!
  await sequencer.step(sequencer.cursor, 1)
  expect(await events.resolve([xid])).toEqual(['pending'])
  await client.query('commit')
  client.release()
  await sequencer.release()
  await sequence()
  expect(await events.resolve([open, xid, xid, silent])).toEqual([3n, 2n, 2n, 0n])
})

test('finds events by index, however old the statistics are', async () => {
  // Statistics of a log that one transaction wrote: they say that a transaction id finds everything.
  await append(log.pool, ...Array.from({ length: 5_000 }, () => ({})))
  await log.pool.query('analyze tailrace.event_log; analyze tailrace.event_sequence')
  for (let i = 0; i < 200; i++) {
    await append(log.pool, ...Array.from({ length: 100 }, (_, n) => ({ stream: `s${n}` })))
  }
  await sequence()
  const reads = async (): Promise<number> => {
    const { rows } = await log.pool.query(
      `select coalesce(sum(seq_tup_read), 0)::int as n from pg_stat_user_tables where schemaname = 'tailrace' and relname like 'event%'`,
    )
    return rows[0].n as number
  }
  const pool = oneConnection()
  const own = await openEventLog({ pool, clock: systemClock() })
  const flush = (): Promise<unknown> => pool.query('select pg_stat_force_next_flush()')
  await flush()
  const before = await reads()
  // More than five times: by then a prepared statement may have a plan that knows no parameters.
  for (let i = 0; i < 8; i++) {
    await own.read({ after: BigInt(i * 50), slots: all, limit: 50 })
    await own.read({ after: 0n, slots: [{ from: 1, to: 9 }], limit: 50, types: ['Never'] })
    await own.readAt([1n, 250n])
    await own.head()
    await own.behind([0n, 100n])
    await own.resolve(['3', '4'])
  }
  await flush()
  expect((await reads()) - before).toBeLessThan(20_000)
  await pool.query(
    'set enable_indexscan = off; set enable_indexonlyscan = off; set enable_bitmapscan = off',
  )
  await own.readAt([1n])
  await flush()
  expect((await reads()) - before).toBeGreaterThanOrEqual(20_000)
  await pool.end()
})

test('answers UNAVAILABLE when the server is gone', async () => {
  const gone = {
    connect: () =>
      Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })),
  }
  await expect(openEventLog({ pool: gone, clock: systemClock() })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    retryable: true,
  })
})
