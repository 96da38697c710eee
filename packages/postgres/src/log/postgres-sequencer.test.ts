import type { PoolClient } from 'pg'
import type { ActiveSequencer } from 'tailrace/adapter'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { append, freshLog, type TestLog } from '../../../../test/support/event-log.ts'
import type { SqlPool } from '../sql-pool.ts'
import { postgresSequencer } from './postgres-sequencer.ts'

let log: TestLog
let held: ActiveSequencer[]

beforeAll(async () => {
  log = await freshLog()
})

beforeEach(async () => {
  await log.reset()
  held = []
})

afterEach(async () => {
  for (const sequencer of held) await sequencer.release()
})

afterAll(() => log.drop())

/** Acquires over a connection that the test can reach too. */
async function acquire(
  stalledAfterMs?: number,
): Promise<{ sequencer: ActiveSequencer | undefined; client: PoolClient }> {
  let client: PoolClient | undefined
  const pool: SqlPool = { connect: async () => (client = await log.pool.connect()) }
  const options = stalledAfterMs === undefined ? { pool } : { pool, stalledAfterMs }
  const sequencer = await postgresSequencer(options).acquire()
  if (sequencer !== undefined) held.push(sequencer)
  return { sequencer, client: client! }
}

async function active(): Promise<{ sequencer: ActiveSequencer; client: PoolClient }> {
  const { sequencer, client } = await acquire()
  expect(sequencer).toBeDefined()
  return { sequencer: sequencer!, client }
}

/** As a network that drops the session, or a failover, would: the place is free, and the holder does not know. */
async function loseThePlace(client: PoolClient): Promise<void> {
  await client.query('select pg_advisory_unlock_all()')
}

async function positions(): Promise<number[]> {
  const { rows } = await log.pool.query<{ position: string }>(
    'select position from tailrace.event_sequence order by 1',
  )
  return rows.map((row) => Number(row.position))
}

async function scalar(sql: string): Promise<unknown> {
  return Object.values((await log.pool.query(sql)).rows[0] as object)[0]
}

test('a step that finds nothing takes no transaction id and writes nothing', async () => {
  const { sequencer, client } = await active()
  await client.query('begin')
  const empty = await sequencer.step(sequencer.cursor, 100)
  const before = await client.query('select pg_current_xact_id_if_assigned() is null as none')
  await append(log.pool, {})
  await sequencer.step(empty.cursor, 100)
  const after = await client.query('select pg_current_xact_id_if_assigned() is null as none')
  await client.query('commit')
  expect([empty.assigned, before.rows[0].none, after.rows[0].none]).toEqual([0, true, false])
})

test('a crash between reading and committing leaves everything to the next sequencer', async () => {
  const { sequencer, client } = await active()
  await append(log.pool, {}, {})
  await client.query('begin')
  expect((await sequencer.step(sequencer.cursor, 100)).assigned).toBe(2)
  const { rows } = await client.query('select pg_backend_pid() as pid')
  const lost = new Promise((resolve) => client.once('end', resolve))
  await log.pool.query('select pg_terminate_backend($1)', [rows[0].pid])
  await lost
  await expect(sequencer.step(sequencer.cursor, 100)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    retryable: true,
  })

  const next = (await active()).sequencer
  expect(next.cursor.position).toBe(0n)
  expect((await next.step(next.cursor, 100)).assigned).toBe(2)
  expect(await positions()).toEqual([1, 2])
})

test('a second sequencer waits for the place until the first gives it up', async () => {
  const { sequencer } = await active()
  expect((await acquire()).sequencer).toBeUndefined()
  await sequencer.release()
  await sequencer.release()
  await expect(sequencer.step(sequencer.cursor, 1)).rejects.toMatchObject({
    code: 'ADAPTER_CLOSED',
  })
  await active()
})

test('a sequencer that lost its place without knowing is fenced at its next step, and writes nothing', async () => {
  const one = await active()
  await loseThePlace(one.client)
  const two = await active()
  await append(log.pool, {}, {}, {})
  const stale = one.sequencer.cursor
  const { cursor } = await two.sequencer.step(two.sequencer.cursor, 100)
  await append(log.pool, {})
  await expect(one.sequencer.step(stale, 100)).rejects.toMatchObject({ code: 'LOG_FENCED' })
  expect(await positions()).toEqual([1, 2, 3])
  expect((await two.sequencer.step(cursor, 100)).assigned).toBe(1)
})

test('a stopped sequencer that goes on after a thousand steps of another is fenced', async () => {
  const one = await active()
  const stale = one.sequencer.cursor
  await loseThePlace(one.client)
  const two = await active()
  let { cursor } = two.sequencer
  for (let i = 0; i < 1_050; i++) {
    await append(log.pool, {})
    ;({ cursor } = await two.sequencer.step(cursor, 100))
  }
  await two.sequencer.maintain()
  expect(Number(await scalar('select min(previous) from tailrace.sequencer_step'))).toBeGreaterThan(
    0,
  )
  await expect(one.sequencer.step(stale, 100)).rejects.toMatchObject({ code: 'LOG_FENCED' })
  expect(await positions()).toHaveLength(1_050)
})

test('of two sequencers that step at the same moment, one goes on and the other is fenced', async () => {
  const one = await active()
  await loseThePlace(one.client)
  const two = await active()
  let { cursor } = one.sequencer
  const winners = new Set<number>()
  for (let round = 1; round <= 40; round++) {
    await append(log.pool, {}, {})
    const results = await Promise.allSettled(
      [one, two].map(({ sequencer }) => sequencer.step(cursor, 100)),
    )
    const winner = results.findIndex((result) => result.status === 'fulfilled')
    const loser = results[1 - winner]!
    expect(loser).toMatchObject({ status: 'rejected', reason: { code: 'LOG_FENCED' } })
    winners.add(winner)
    ;({ cursor } = (
      results[winner] as PromiseFulfilledResult<Awaited<ReturnType<ActiveSequencer['step']>>>
    ).value)
    expect(cursor.position).toBe(BigInt(round * 2))
  }
  expect(await positions()).toEqual(Array.from({ length: 80 }, (_, i) => i + 1))
})

test('a holder that has stopped reporting loses its connection to one that waits', async () => {
  const one = await active()
  await log.pool.query(`update tailrace.sequencer set seen_at = now() - interval '1 hour'`)
  expect((await acquire(60_000)).sequencer).toBeUndefined()
  await one.sequencer.step(one.sequencer.cursor, 1)

  await log.pool.query(`update tailrace.sequencer set seen_at = now() - interval '1 hour'`)
  const lost = new Promise((resolve) => one.client.once('end', resolve))
  expect((await acquire(0)).sequencer).toBeUndefined()
  await lost
  await active()
  await expect(one.sequencer.step(one.sequencer.cursor, 1)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
})

test('reports that it is alive and keeps log partitions ahead of the last id', async () => {
  const { sequencer } = await active()
  await log.pool.query(`update tailrace.sequencer set seen_at = null`)
  await log.pool.query(
    `select setval(pg_get_serial_sequence('tailrace.event_log', 'id'), 29999999)`,
  )
  await expect(append(log.pool, {})).rejects.toMatchObject({ code: '23514' })
  await sequencer.maintain()
  await append(log.pool, {})
  expect(await scalar('select seen_at is not null from tailrace.sequencer')).toBe(true)
})

test('refuses a database where commits may be lost after they were seen', async () => {
  const own = await freshLog()
  await own.pool.query(
    `do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$`,
  )
  await expect(postgresSequencer({ pool: own.pool }).acquire()).rejects.toMatchObject({
    code: 'DATABASE_UNSUITABLE',
    message: expect.stringContaining('synchronous_commit'),
  })
  await own.drop()
})

test('refuses ids that do not follow the order of the locks', async () => {
  const name = String(await scalar(`select pg_get_serial_sequence('tailrace.event_log', 'id')`))
  await log.pool.query(`alter sequence ${name} cache 10`)
  await expect(acquire()).rejects.toMatchObject({
    code: 'DATABASE_UNSUITABLE',
    message: expect.stringContaining('cache'),
  })
  await log.pool.query(`alter sequence ${name} cache 1`)
})

test('leaves the settings of a connection alone that it gives back', async () => {
  await active()
  const waiting = await acquire()
  expect(waiting.sequencer).toBeUndefined()
  const { rows } = await waiting.client.query('show enable_seqscan')
  expect(rows[0].enable_seqscan).toBe('on')
})
