import type { SequencerStore } from 'tailrace/adapter'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { append, freshLog, type TestLog } from '../../../../test/support/event-log.ts'
import {
  startSequencer,
  type Sequencer,
  type SequencerOptions,
} from '../../../tailrace/src/log/sequencer-loop.ts'
import { systemClock } from '../../../tailrace/src/run/system-clock.ts'
import { openEventLog } from './postgres-event-log.ts'
import { postgresSequencer } from './postgres-sequencer.ts'

let log: TestLog
let running: Sequencer[]

beforeAll(async () => {
  log = await freshLog()
})

beforeEach(async () => {
  running = []
  await log.reset()
})

afterEach(async () => {
  await Promise.all(running.map((sequencer) => sequencer.stop()))
})

afterAll(() => log.drop())

function start(options: Partial<SequencerOptions> = {}): Sequencer {
  const sequencer = startSequencer({
    store: postgresSequencer({ pool: log.pool }),
    clock: systemClock(),
    ...options,
  })
  running.push(sequencer)
  return sequencer
}

const until = (condition: () => void | Promise<void>) =>
  vi.waitFor(condition, { timeout: 15_000, interval: 5 })
const isActive = (sequencer: Sequencer) =>
  until(() => expect(sequencer.status().state).toBe('active'))

async function positions(): Promise<number[]> {
  const { rows } = await log.pool.query<{ position: string }>(
    'select position from tailrace.event_sequence order by 1',
  )
  return rows.map((row) => Number(row.position))
}

test('gives positions to what is committed, and tells how far it is', async () => {
  const sequencer = start()
  const told: bigint[] = []
  sequencer.onAdvance((position) => told.push(position))
  await append(log.pool, {}, {}, {})
  await until(() => expect(sequencer.status().position).toBe(3n))
  expect(told.at(-1)).toBe(3n)
  expect(sequencer.status()).toMatchObject({
    state: 'active',
    assigned: 3,
    fenced: 0,
    failures: 0,
    identity: { epoch: 1 },
  })
  await sequencer.stop()
  expect(sequencer.status()).toMatchObject({ state: 'stopped', identity: undefined })
})

test('the doorbell ends a pause at once', async () => {
  const never = 3_600_000
  const sequencer = start({ settings: { idleMinMs: never, idleMaxMs: never } })
  await until(() => expect(sequencer.status().steps).toBe(1))
  await append(log.pool, {})
  sequencer.wake()
  await until(() => expect(sequencer.status().position).toBe(1n))
})

test('works off a backlog in pages', async () => {
  await append(log.pool, ...Array.from({ length: 95 }, () => ({})))
  const sequencer = start({ settings: { limit: 10 } })
  await until(() => expect(sequencer.status().position).toBe(95n))
  expect(sequencer.status().steps).toBeGreaterThanOrEqual(10)
  expect(await positions()).toEqual(Array.from({ length: 95 }, (_, i) => i + 1))
})

test('of several, one is active; the next takes over when it stops', async () => {
  const settings = { seekEveryMs: 20 }
  const one = start({ settings })
  await isActive(one)
  const two = start({ settings })
  await append(log.pool, {})
  await until(() => expect(one.status().position).toBe(1n))
  expect(two.status().state).toBe('seeking')
  await one.stop()
  await isActive(two)
  await append(log.pool, {})
  await until(() => expect(two.status().position).toBe(2n))
  expect(await positions()).toEqual([1, 2])
})

test('comes back after its connection was ended, again and again, and loses nothing', async () => {
  const problems: unknown[] = []
  const sequencer = start({
    settings: { retryMinMs: 5, seekEveryMs: 10 },
    onProblem: (error) => problems.push(error),
  })
  for (let round = 1; round <= 5; round++) {
    await isActive(sequencer)
    await log.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'tailrace sequencer'`,
    )
    await append(log.pool, {}, {})
    await until(() => expect(sequencer.status().position).toBe(BigInt(round * 2)))
  }
  expect(problems.length).toBeGreaterThanOrEqual(5)
  expect(problems[0]).toMatchObject({ code: 'UNAVAILABLE' })
  expect(await positions()).toEqual(Array.from({ length: 10 }, (_, i) => i + 1))
})

test('steps down when another one goes on, and waits for the place again', async () => {
  const never = 3_600_000
  const one = start({ settings: { idleMinMs: never, idleMaxMs: never, seekEveryMs: 20 } })
  await until(() => expect(one.status().steps).toBe(1))
  // The place is lost without the holder's knowledge, as when a pooler hands its session on.
  await log.pool.query(
    `insert into tailrace.sequencer_step (previous, position, snapshot)
     select position, position + 1, pg_current_snapshot() from tailrace.sequencer_step order by previous desc limit 1`,
  )
  await append(log.pool, {})
  one.wake()
  await until(() => expect(one.status().fenced).toBe(1))
  await until(() => expect(one.status().position).toBe(2n))
})

test('gives a connection up that does not answer', async () => {
  const real = postgresSequencer({ pool: log.pool })
  let hang = true
  const released: boolean[] = []
  // The first holder's steps reach the server and never come back, as over a half-open connection.
  const store: SequencerStore = {
    async acquire() {
      const active = await real.acquire()
      if (active === undefined || !hang) return active
      hang = false
      return {
        cursor: active.cursor,
        identity: active.identity,
        step: () => new Promise(() => undefined),
        maintain: () => active.maintain(),
        release: () => active.release().then(() => void released.push(true)),
      }
    },
  }
  await append(log.pool, {})
  const sequencer = start({
    store,
    callTimeoutMs: 300,
    settings: { retryMinMs: 5, seekEveryMs: 10 },
  })
  await until(() => expect(sequencer.status().position).toBe(1n))
  expect(released).toEqual([true])
  expect(sequencer.status().lastError).toContain('within 300 ms')
})

test('a sequencer that has the place and cannot go on is told of with the head of the log, until it goes on', async () => {
  const reader = await openEventLog({ pool: log.pool, clock: systemClock() })
  const trouble = async () => (await reader.head()).sequencerTrouble
  const real = postgresSequencer({ pool: log.pool })
  let full = true
  const store: SequencerStore = {
    async acquire(text) {
      const active = await real.acquire(text)
      if (active === undefined) return undefined
      return {
        cursor: active.cursor,
        identity: active.identity,
        step: (cursor, limit) =>
          full ? Promise.reject(new Error('no space left')) : active.step(cursor, limit),
        maintain: () => active.maintain(),
        release: () => active.release(),
      }
    },
  }
  const sequencer = start({
    store,
    settings: { retryMinMs: 5, retryMaxMs: 20, maintainEveryMs: 20 },
  })
  await until(async () => expect(await trouble()).toBe('no space left'))
  full = false
  await until(async () => expect(await trouble()).toBeUndefined())
  await append(log.pool, {})
  sequencer.wake()
  await until(() => expect(sequencer.status().position).toBe(1n))
})

test('stops while it waits for the place, for the server or for work', async () => {
  const holder = start()
  await isActive(holder)
  const waiting = start({ settings: { seekEveryMs: 3_600_000 } })
  await waiting.stop()
  const lost = start({
    store: { acquire: () => Promise.reject(new Error('no server')) },
    settings: { retryMinMs: 3_600_000, retryMaxMs: 3_600_000 },
  })
  await until(() => expect(lost.status().failures).toBe(1))
  await lost.stop()
  await holder.stop()
  expect([holder, waiting, lost].map((one) => one.status().state)).toEqual([
    'stopped',
    'stopped',
    'stopped',
  ])
})
