import { postgres } from '@tailrace/postgres'
import type { Pool } from 'pg'
import { start, type Running, type StartOptions } from 'tailrace'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { quietPool } from '../support/event-log.ts'
import { freshDatabase } from '../support/postgres.ts'
import { notifier, taskApp, taskTables, type Effect } from '../support/task-app.ts'
import { committed, openAccounts, openBank } from './bank.ts'

// Whoever asks any process sees what goes wrong in any other.

let pool: Pool
let url: string
let running: Running[]
let drop: () => Promise<void>

beforeEach(async () => {
  running = []
  const database = await freshDatabase()
  ;({ url, drop } = database)
  pool = quietPool({ connectionString: url })
  await pool.query(taskTables)
})

afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()))
  void pool.end()
  await drop()
})

async function tasks(effect: Effect, options: Partial<StartOptions>): Promise<Running> {
  const one = await start(taskApp({ notifier: notifier(effect) }), {
    write: postgres({ url, onWarning: () => undefined }),
    stores: {},
    onProblem: () => undefined,
    tuning: {
      reactors: { attempts: 2, retryMinMs: 5, retryMaxMs: 5, leaseTtlMs: 300, pollMaxMs: 20 },
      timers: { holdMs: 50, pollMaxMs: 20 },
    },
    ...options,
  })
  running.push(one)
  return one
}

const patient = { timeout: 20_000, interval: 50 }
const later = () => new Date(Date.now() + 3_600_000).toISOString()

test('what a reactor gave up in one process is seen from another, repeated from there, and done once', async () => {
  let broken = true
  const calls: string[] = []
  const effect: Effect = async ({ id }) => {
    if (broken) throw new Error('the outside is away')
    calls.push(id)
  }
  await tasks(effect, { roles: ['worker', 'sequencer'] })
  const { engine } = await tasks(effect, { roles: ['api'] })
  await committed(engine, 'planTask', { id: 'a', expiresAt: later() })
  await committed(engine, 'planTask', { id: 'b', expiresAt: later() })
  const reactor = async () => (await engine.status()).reactors['notifier']!
  await expect.poll(reactor, patient).toMatchObject({ state: 'live', position: '2', givenUp: 2 })
  const { recent, owners } = await reactor()
  expect(owners).toHaveLength(1)
  expect(recent.map(({ stream }) => stream).toSorted()).toEqual(['a', 'b'])
  expect(recent[0]).toEqual({
    eventId: expect.stringMatching(/^[0-9a-f-]{36}\/1$/),
    position: expect.stringMatching(/^[12]$/),
    type: 'TaskPlanned',
    stream: expect.any(String),
    error: 'the outside is away',
    at: expect.stringMatching(/^20\d\d-.*Z$/),
    repeating: false,
  })
  expect(engine.metrics()).toContain('cqrs_reactor_given_up{reactor="notifier"} 2\n')
  expect(engine.metrics()).toContain('cqrs_reactor_status{reactor="notifier",status="live"} 1\n')
  broken = false
  const first = recent[0]!.eventId
  const asked = await Promise.all([1, 2].map(() => engine.repeatGivenUp('notifier', [first])))
  expect(asked.toSorted()).toEqual([0, 1])
  await expect.poll(reactor, patient).toMatchObject({ givenUp: 1, repeating: 0 })
  expect(calls).toEqual([first])
  expect(await engine.skipGivenUp('notifier', [recent[1]!.eventId])).toBe(1)
  expect(await engine.repeatGivenUp('notifier')).toBe(0)
  await expect.poll(reactor, patient).toMatchObject({ givenUp: 0, recent: [] })
  await expect(engine.repeatGivenUp('notifer')).rejects.toMatchObject({
    code: 'REACTOR_UNKNOWN',
    message: expect.stringContaining('notifier'),
  })
}, 60_000)

test('a reactor says to others which event it tries again, that it cannot go on, and that nobody runs it', async () => {
  let broken = true
  const effect: Effect = async () => {
    if (broken) throw new Error('not yet')
  }
  const worker = await tasks(effect, {
    roles: ['worker', 'sequencer'],
    tuning: {
      reactors: { attempts: 1_000, retryMinMs: 20, retryMaxMs: 20, leaseTtlMs: 300, pollMaxMs: 20 },
    },
  })
  const { engine } = await tasks(effect, { roles: ['api'] })
  const reactor = async () => (await engine.status()).reactors['notifier']!
  await committed(engine, 'planTask', { id: 'a', expiresAt: later() })
  await expect
    .poll(async () => (await reactor()).lastError, patient)
    .toMatch(/^worker \S+: event \S+\/1 failed (once|\d+ times) and is tried again: not yet$/)
  expect(await reactor()).toMatchObject({ lagEvents: 1, position: '0' })
  broken = false
  await expect.poll(reactor, patient).toMatchObject({ state: 'live', position: '1', lagEvents: 0 })
  await expect.poll(async () => (await reactor()).lastError, patient).toBeUndefined()
  // Newer code has recorded an event that this worker cannot read.
  await pool.query(`alter table tailrace.event_log alter schema_version set default 1;
    create function newer() returns trigger language plpgsql as $$ begin new.schema_version := 9; return new; end $$;
    create trigger newer before insert on tailrace.event_log for each row execute function newer()`)
  await committed(engine, 'finishTask', { id: 'a' })
  await expect.poll(reactor, patient).toMatchObject({
    state: 'failed',
    lastError: expect.stringMatching(/^worker \S+: .*deploy/),
  })
  await pool.query(`update tailrace.event_log set schema_version = 1`)
  await expect.poll(reactor, patient).toMatchObject({ state: 'live', position: '2' })
  await worker.stop()
  await expect.poll(reactor, patient).toMatchObject({ state: 'unowned', owners: [] })
}, 60_000)

test('timers that wait and fail are seen from a process that issues none', async () => {
  const { engine } = await tasks(async () => undefined, { roles: ['api'] })
  const timers = async () => (await engine.status()).timers
  expect(await timers()).toEqual({ due: 0, overdue: 0, failed: 0, oldestDueMs: 0, recent: [] })
  const expiresAt = new Date(Date.now() - 120_000).toISOString()
  await committed(engine, 'planTask', { id: 'late', expiresAt })
  await expect.poll(timers, patient).toMatchObject({ due: 1, overdue: 1, failed: 0 })
  expect(engine.metrics()).toContain('cqrs_timers_overdue 1\n')
  await pool.query(`alter table tasks add check (state <> 'expired')`)
  await tasks(async () => undefined, { roles: ['timer'] })
  await expect.poll(timers, patient).toMatchObject({
    failed: 1,
    recent: [{ schedule: 'expiry', stream: 'late', command: 'expireTask' }],
  })
  expect((await timers())!.recent[0]!.error).toContain('COMMAND_FAILED')
}, 60_000)

test('a read model whose worker cannot go on reads as failed in every process, and says why', async () => {
  const bank = await openBank()
  try {
    const { engine } = await bank.process({ roles: ['api', 'sequencer'] })
    await openAccounts(engine, 1)
    await bank.pool.query('update tailrace.event_log set schema_version = 9')
    await bank.process({ roles: ['worker'], tuning: { worker: { leaseTtlMs: 400 } } })
    const model = async () => (await engine.status()).projections['statements']
    await expect.poll(model, patient).toMatchObject({
      state: 'failed',
      lastError: expect.stringMatching(/^worker \S+: .*deploy/),
    })
    await bank.pool.query('update tailrace.event_log set schema_version = 1')
    await expect.poll(model, patient).toMatchObject({ state: 'live' })
    expect((await model())!.lastError).toBeUndefined()
  } finally {
    await bank.close()
  }
}, 60_000)
