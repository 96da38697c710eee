import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pool } from 'pg'
import type { ActiveSequencer } from 'tailrace/adapter'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { append, freshLog, quietPool, type TestLog } from '../../../../test/support/event-log.ts'
import { systemClock } from '../../../tailrace/src/run/system-clock.ts'
import { embeddedPostgres } from '../embedded.ts'
import { migrate } from '../migrate.ts'
import { startHistory } from './log-history.ts'
import { openEventLog } from './postgres-event-log.ts'
import { postgresSequencer } from './postgres-sequencer.ts'

let log: TestLog

beforeAll(async () => {
  log = await freshLog()
})

beforeEach(() => log.reset())

afterAll(() => log.drop())

/** Gives positions to what is committed, in a sequencer's life of its own. Returns how it found the log. */
async function sequence(pool: Pool): Promise<Pick<ActiveSequencer, 'cursor' | 'identity'>> {
  const sequencer = (await postgresSequencer({ pool }).acquire())!
  const { cursor: found, identity } = sequencer
  let cursor = found
  for (;;) {
    const step = await sequencer.step(cursor, 100)
    ;({ cursor } = step)
    if (step.assigned === 0) break
  }
  await sequencer.release()
  return { cursor: found, identity }
}

async function sequenced(pool: Pool): Promise<[number, string][]> {
  const { rows } = await pool.query(
    `select s.position::int, e.aggregateid from tailrace.event_sequence s join tailrace.event_log e using (id) order by 1`,
  )
  return rows.map((row) => [row.position, row.aggregateid])
}

const open = (pool: Pool) => openEventLog({ pool, clock: systemClock() })

test('processes that open a new log at once agree on its history', async () => {
  const opened = await Promise.all(Array.from({ length: 6 }, () => open(log.pool)))
  expect(new Set(opened.map((one) => JSON.stringify(one.identity))).size).toBe(1)
  expect(opened[0]!.identity.systemId).toMatch(/^[0-9a-f]{16}$/)
  expect(await opened[0]!.epochs()).toEqual([
    { ...opened[0]!.identity, lastPosition: 0n, firstPosition: 0n },
  ])
  const { identity, cursor } = await sequence(log.pool)
  expect(identity).toEqual(opened[0]!.identity)
  expect(cursor.position).toBe(0n)
})

test('two databases of one server are two histories', async () => {
  const other = await freshLog()
  expect((await open(other.pool)).identity.systemId).not.toBe(
    (await open(log.pool)).identity.systemId,
  )
  await other.drop()
})

test('another timeline begins a new history: positions jump, and what is not sequenced yet follows', async () => {
  await append(log.pool, { stream: 'a' }, { stream: 'b' })
  const events = await open(log.pool)
  await sequence(log.pool)
  await append(log.pool, { stream: 'tail' })
  // As after a promotion of a standby or a point-in-time restore.
  await log.pool.query(`update tailrace.log_epoch set timeline = '00000009'`)
  const { identity, cursor } = await sequence(log.pool)
  expect(identity).toEqual({ ...events.identity, epoch: 2 })
  expect(cursor.position).toBe(1_000_002n)
  expect(await sequenced(log.pool)).toEqual([
    [1, 'a'],
    [2, 'b'],
    [1_000_003, 'tail'],
  ])
  expect(events.identity.epoch).toBe(1)
  expect(await events.head()).toMatchObject({ epoch: 2, position: 1_000_003n })
  expect(events.identity.epoch).toBe(2)
  expect(
    (await events.epochs()).map(({ epoch, lastPosition, firstPosition }) => [
      epoch,
      lastPosition,
      firstPosition,
    ]),
  ).toEqual([
    [1, 0n, 0n],
    [2, 2n, 1_000_002n],
  ])
  expect((await events.behind([0n, 2n, 1_000_003n])).map((one) => one.events)).toEqual([3, 1, 0])
  const page = await events.read({ after: 1n, slots: [{ from: 0, to: 255 }], limit: 10 })
  expect(page.events.map((event) => Number(event.position))).toEqual([2, 1_000_003])
})

test('a new history in which nothing happened yet ends where the one before it did', async () => {
  await append(log.pool, { stream: 'a' }, { stream: 'b' })
  const events = await open(log.pool)
  await sequence(log.pool)
  await log.pool.query(`update tailrace.log_epoch set timeline = '00000009'`)
  expect((await sequence(log.pool)).cursor.position).toBe(1_000_002n)
  expect(await events.head()).toMatchObject({ epoch: 2, position: 2n, unsequenced: 0 })
})

test('a sequencer of the old history is fenced by the new one', async () => {
  let zombie: { query(text: string): Promise<unknown> } | undefined
  const old = (await postgresSequencer({
    pool: { connect: async () => (zombie = await log.pool.connect()) as never },
  }).acquire())!
  await zombie!.query('select pg_advisory_unlock_all()')
  await log.pool.query(`update tailrace.log_epoch set timeline = '00000009'`)
  await sequence(log.pool)
  await append(log.pool, { stream: 'a' })
  await expect(old.step(old.cursor, 100)).rejects.toMatchObject({ code: 'LOG_FENCED' })
  await old.release()
  await sequence(log.pool)
  expect(await sequenced(log.pool)).toEqual([[1_000_001, 'a']])
})

test('a restore that the database cannot know of is begun by hand, beyond every checkpoint', async () => {
  await append(log.pool, { stream: 'a' })
  await sequence(log.pool)
  const history = await startHistory({ pool: log.pool, beyond: 5_000_000n })
  expect(history.epoch).toBe(2)
  await append(log.pool, { stream: 'b' })
  await sequence(log.pool)
  expect(await sequenced(log.pool)).toEqual([
    [1, 'a'],
    [6_000_001, 'b'],
  ])
})

test('a logical copy in another system goes on by position, whatever its transaction ids were', async () => {
  await append(log.pool, { stream: 'a' }, { stream: 'b' })
  await sequence(log.pool)
  await append(log.pool, { stream: 'tail' })
  // The copy: rows as they were, transaction ids of a cluster that was far ahead, and cursors that mean nothing here.
  await log.pool.query(`
    update tailrace.event_log set xid = ((xid::text)::bigint + 1000000000)::text::xid8;
    update tailrace.sequencer_step set snapshot = '1000000900:1000000900:';
    update tailrace.log_epoch set system_id = 'ffffffffffffffff'`)
  const far = (
    await log.pool.query(`select xid::text from tailrace.event_log where aggregateid = 'tail'`)
  ).rows[0].xid as string
  const writer = await log.pool.connect()
  await writer.query('begin')
  await append(writer, { stream: 'written during the move' })
  const waiting = sequence(log.pool)
  await writer.query('commit')
  writer.release()
  await waiting
  const own = await append(log.pool, { stream: 'new' })
  await sequence(log.pool)
  const rows = await sequenced(log.pool)
  expect(rows.map(([, stream]) => stream)).toEqual([
    'a',
    'b',
    'tail',
    'written during the move',
    'new',
  ])
  expect(rows.map(([position]) => position)).toEqual([1, 2, 3, 4, 1_000_005])
  const events = await open(log.pool)
  expect(await events.head()).toMatchObject({ epoch: 2, unsequenced: 0 })
  expect(await events.resolve([own.xid, far])).toEqual([1_000_005n, undefined])
  expect((await events.epochs()).at(-1)).toMatchObject({
    lastPosition: 4n,
    firstPosition: 1_000_004n,
  })
})

test('a role without special rights can open the log and be the sequencer', async () => {
  const role = `tailrace_test_${process.pid}_${Date.now()}`
  await log.pool.query(`
    create role ${role} login password 'only-here';
    grant usage on schema tailrace to ${role};
    grant select, insert, update, delete on all tables in schema tailrace to ${role};
    grant usage on all sequences in schema tailrace to ${role}`)
  const url = new URL(log.url)
  url.username = role
  url.password = 'only-here'
  const pool = quietPool({ connectionString: url.href })
  await append(pool, { stream: 'a' })
  const events = await open(pool)
  await sequence(pool)
  expect(await events.head()).toMatchObject({ position: 1n, unsequenced: 0 })
  await pool.end()
  await log.pool.query(`drop owned by ${role}; drop role ${role}`)
})

test('a standby is refused; promoted, it begins a new history', { timeout: 120_000 }, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-standby-'))
  const server = () => embeddedPostgres({ dataDir, database: 'app', settings: { fsync: false } })
  try {
    const primary = await server()
    let pool = quietPool({ connectionString: primary.url })
    await migrate(pool)
    await append(pool, { stream: 'a' })
    await sequence(pool)
    await pool.end()
    await primary.stop()

    // A server that finds this file replays its log and waits for more of it: a standby, here without a primary.
    writeFileSync(join(dataDir, 'cluster', 'standby.signal'), '', { mode: 0o666 })
    const standby = await server()
    pool = quietPool({ connectionString: standby.url })
    await expect(postgresSequencer({ pool }).acquire()).rejects.toMatchObject({
      code: 'LOG_NOT_PRIMARY',
      retryable: true,
    })
    const replica = await open(pool)
    expect(
      (await replica.read({ after: 0n, slots: [{ from: 0, to: 255 }], limit: 10 })).events,
    ).toHaveLength(1)

    await pool.query('select pg_promote()')
    await append(pool, { stream: 'b' })
    const { identity } = await sequence(pool)
    expect(identity).toEqual({ ...replica.identity, epoch: 2 })
    expect(await sequenced(pool)).toEqual([
      [1, 'a'],
      [1_000_002, 'b'],
    ])
    await pool.end()
    await standby.stop()
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})
