import type { Pool } from 'pg'
import { app, start, type Engine, type Running } from 'tailrace'
import { TailraceError, type CommandOptions } from 'tailrace/adapter'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { freshLog, type TestLog } from '../../../../test/support/event-log.ts'
import { taskApp, taskTables } from '../../../../test/support/task-app.ts'
import {
  startTimerRole,
  timerKey,
  type TimerRole,
  type TimerRoleOptions,
} from '../../../tailrace/src/log/timer-role.ts'
import { systemActor } from '../../../tailrace/src/declare/actor.ts'
import { systemClock } from '../../../tailrace/src/run/system-clock.ts'
import { postgres } from '../postgres.ts'
import { postgresTimers } from './postgres-timers.ts'

// Scheduled commands through the real engine: set and cancelled by events, issued by timer roles, decided on the rows.

let log: TestLog
let pool: Pool
let running: Running
let engine: Engine
let roles: TimerRole[]
let problems: string[]

beforeAll(async () => {
  log = await freshLog()
  ;({ pool } = log)
  await pool.query(taskTables)
  // No timer role of its own: the tests start theirs, to stand in its way.
  running = await start(taskApp(), {
    write: postgres({ url: log.url }),
    stores: {},
    roles: ['api'],
    onProblem: () => undefined,
  })
  ;({ engine } = running)
})

beforeEach(async () => {
  roles = []
  problems = []
  await pool.query('truncate tasks')
  await log.reset()
})

afterEach(async () => {
  await Promise.all(roles.map((role) => role.stop()))
})

afterAll(async () => {
  await running.stop()
  await log.drop()
})

function startRole(options: Partial<TimerRoleOptions> = {}): TimerRole {
  const role = startTimerRole({
    timers: postgresTimers({ pool }),
    submit: (name, input, call) => engine.command(name, input, call),
    clock: systemClock(),
    onProblem: (error) => problems.push(String(error)),
    ...options,
    settings: { pollMaxMs: 20, ...options.settings },
  })
  roles.push(role)
  return role
}

async function command(
  name: string,
  input: Record<string, unknown>,
  options: CommandOptions = {},
): Promise<string> {
  const outcome = await engine.command(name, input, options)
  return outcome.kind === 'committed' ? 'committed' : outcome.code
}

const plan = (id: string, inMs: number): Promise<string> =>
  command('planTask', { id, expiresAt: new Date(Date.now() + inMs).toISOString() })

const until = (condition: () => Promise<void>) =>
  vi.waitFor(condition, { timeout: 15_000, interval: 10 })

async function timersLeft(): Promise<number> {
  return Number((await pool.query('select count(*) from tailrace.timer')).rows[0].count)
}

/** How many events of a type there are per stream. */
async function events(type: string): Promise<Record<string, number>> {
  const { rows } = await pool.query(
    'select aggregateid as id, count(*)::int as n from tailrace.event_log where type = $1 group by 1 order by 1',
    [type],
  )
  return Object.fromEntries(rows.map((row) => [row.id, row.n]))
}

test('a scheduled command is issued when its time has come, and not before', async () => {
  await plan('later', 3_600_000)
  await plan('now', 0)
  startRole()
  await until(async () => expect(await events('TaskExpired')).toEqual({ now: 1 }))
  await until(async () => expect(await timersLeft()).toBe(1))
  await pool.query(`update tailrace.timer set at = clock_timestamp()`)
  await until(async () => expect(await events('TaskExpired')).toEqual({ later: 1, now: 1 }))
  expect(problems).toEqual([])
})

test('several timer roles issue each timer with one effect', async () => {
  const ids = Array.from({ length: 60 }, (_, i) => `t${i}`)
  await Promise.all(ids.map((id) => plan(id, 0)))
  for (let i = 0; i < 4; i++) startRole({ settings: { limit: 7 } })
  await until(async () => expect(await timersLeft()).toBe(0))
  expect(await events('TaskExpired')).toEqual(
    Object.fromEntries(ids.toSorted().map((id) => [id, 1])),
  )
})

test('a process that is gone before it hears of its command has had one effect, and leaves no timer', async () => {
  const ids = Array.from({ length: 10 }, (_, i) => `t${i}`)
  await Promise.all(ids.map((id) => plan(id, 0)))
  const keys: (string | undefined)[] = []
  startRole({
    settings: { holdMs: 30 },
    submit: async (name, input, call) => {
      keys.push(call.idempotencyKey)
      await engine.command(name, input, call)
      throw new Error('crashed')
    },
  })
  await until(async () => expect(problems).toHaveLength(10))
  expect(await timersLeft()).toBe(0)
  expect(new Set(keys).size).toBe(10)
  expect(await events('TaskExpired')).toEqual(
    Object.fromEntries(ids.toSorted().map((id) => [id, 1])),
  )
})

test('a timer whose command an older process committed, and did not remove, has no second effect', async () => {
  await plan('t', 0)
  let crashes = 0
  startRole({
    settings: { holdMs: 30 },
    submit: async (name, input, { timer, ...older }) => {
      if (crashes++ > 0) return engine.command(name, input, { ...older, timer } as CommandOptions)
      await engine.command(name, input, older)
      throw new Error('crashed')
    },
  })
  await until(async () => expect(await timersLeft()).toBe(0))
  expect(crashes).toBe(2)
  expect(await events('TaskExpired')).toEqual({ t: 1 })
})

test('against a cancelling command, exactly one of the two takes place, and no timer is left', async () => {
  const ids = Array.from({ length: 60 }, (_, i) => `t${i}`)
  await Promise.all(ids.map((id) => plan(id, 0)))
  startRole()
  const finished = await Promise.all(ids.map((id) => command('finishTask', { id })))
  await until(async () => expect(await timersLeft()).toBe(0))
  const [done, expired] = [await events('TaskFinished'), await events('TaskExpired')]
  expect(Object.keys({ ...done, ...expired })).toHaveLength(60)
  expect(Object.keys(done).length + Object.keys(expired).length).toBe(60)
  expect(finished.filter((kind) => kind === 'committed')).toHaveLength(Object.keys(done).length)
})

/** Issues the timer of `t`, and lets `meanwhile` happen before its command is decided. */
async function issuedLate(meanwhile: () => Promise<unknown>): Promise<unknown> {
  await plan('t', 0)
  const outcome = Promise.withResolvers<unknown>()
  startRole({
    submit: async (name, input, call) => {
      await meanwhile()
      const answer = engine.command(name, input, call)
      outcome.resolve(answer)
      return answer
    },
  })
  return outcome.promise
}

const tomorrow = (): string => new Date(Date.now() + 86_400_000).toISOString()

test.for<[string, () => Promise<unknown>]>([
  ['cancelled', () => command('finishTask', { id: 't' })],
  ['set anew', () => command('postponeTask', { id: 't', expiresAt: tomorrow() })],
  ['lost in a restore', () => pool.query('delete from tailrace.timer')],
])('a timer that is %s while it is being issued has no effect', async ([, meanwhile]) => {
  expect(await issuedLate(meanwhile)).toMatchObject({ kind: 'refused', code: 'TIMER_GONE' })
  expect(await events('TaskExpired')).toEqual({})
  const { rows } = await pool.query(
    `select state from tailrace.command_record where name = 'expireTask'`,
  )
  expect(rows).toEqual([])
  expect(problems).toEqual([])
})

test('a command whose timer is gone keeps nobody else of its batch from committing', async () => {
  await plan('t', 0)
  const timer = { schedule: 'expiry', stream: 't', id: '5b4b0a2e-0d8e-4d5a-9d55-2d1f6d1f4c11' }
  const call = { actor: systemActor, timer } as CommandOptions
  const all = await Promise.all([
    ...Array.from({ length: 5 }, (_, i) => plan(`o${i}`, 3_600_000)),
    command('noteTask', { id: 't', text: 'before' }, { actor: systemActor }),
    command('expireTask', { id: 't' }, call),
    command('noteTask', { id: 't', text: 'after' }, { actor: systemActor }),
  ])
  const ok = Array.from({ length: 6 }, () => 'committed')
  expect(all).toEqual([...ok, 'TIMER_GONE', 'committed'])
})

test('a timer that is set anew while it is being issued stays set', async () => {
  await plan('t', 0)
  const { promise: handedOut, resolve: hand } = Promise.withResolvers<void>()
  const { promise: go, resolve: release } = Promise.withResolvers<void>()
  const role = startRole({
    submit: async () => {
      hand()
      await go
      return { kind: 'refused', code: 'NOT_FOUND', message: 'nothing was decided' }
    },
  })
  await handedOut
  const later = tomorrow()
  expect(await command('postponeTask', { id: 't', expiresAt: later })).toBe('committed')
  release()
  await role.stop()
  expect(role.status().issued).toBe(0)
  const { rows } = await pool.query('select at from tailrace.timer')
  expect(rows.map((row) => (row.at as Date).toISOString())).toEqual([later])
})

test.each([1, 2])(
  'a timer whose aggregate comes back with a restored database is kept: restored during issue %i',
  async (restoredAt) => {
    await plan('t', 0)
    let issues = 0
    const role = startRole({
      submit: async () => {
        // The backup is from before the timer was handed out.
        if (++issues === restoredAt)
          await pool.query('update tailrace.timer set hidden_until = null')
        return { kind: 'refused', code: 'NOT_FOUND', message: 'it was deleted' }
      },
      settings: { pollMinMs: 60_000, pollMaxMs: 60_000 },
    })
    await until(async () => expect(issues).toBe(restoredAt))
    await role.stop()
    expect((await pool.query('select from tailrace.timer')).rowCount).toBe(1)
  },
)

test('a timer whose aggregate does not exist is issued twice, and gone', async () => {
  await plan('t', 0)
  let issues = 0
  const role = startRole({
    submit: () => {
      issues++
      return Promise.resolve({ kind: 'refused', code: 'NOT_FOUND', message: 'it was deleted' })
    },
  })
  await until(async () => expect(role.status().issued).toBe(1))
  expect(issues).toBe(2)
  expect((await pool.query('select from tailrace.timer')).rowCount).toBe(0)
})

test('a timer whose command is refused is kept, said, and tried again', async () => {
  await plan('t', 0)
  await pool.query(`update tailrace.timer set command = 'removedCommand'`)
  startRole({ settings: { holdMs: 20 } })
  await until(async () => expect(problems.length).toBeGreaterThanOrEqual(2))
  expect(problems[0]).toContain('COMMAND_UNKNOWN')
  await pool.query(`update tailrace.timer set command = 'expireTask'`)
  await until(async () => expect(await events('TaskExpired')).toEqual({ t: 1 }))
})

test('timers of a newer release are left to it by the older one beside it, and issued at once', async () => {
  // Held by the older one, they would not be issued before the test ends.
  const settings = { holdMs: 600_000 }
  startRole({ settings, commands: ['planTask'] })
  const ids = Array.from({ length: 20 }, (_, i) => `t${i}`)
  await Promise.all(ids.map((id) => plan(id, 0)))
  startRole({ settings, commands: ['planTask', 'expireTask'] })
  await until(async () => expect(Object.keys(await events('TaskExpired'))).toHaveLength(20))
  expect(problems).toEqual([])
})

test('timers for a command that nobody has any more are said once, and issued when it is back', async () => {
  await plan('t', 0)
  await plan('u', 0)
  const settings = { holdMs: 30 }
  const without = startRole({ settings, commands: ['planTask'] })
  await until(async () => expect(problems).toHaveLength(1))
  expect(problems[0]).toMatch(
    /timers of schedule "expiry" to be for commands of this application, got "expireTask", due since/,
  )
  await plan('v', 100)
  await until(async () =>
    expect(
      (await pool.query(`select from tailrace.timer where at < now() - interval '100 ms'`))
        .rowCount,
    ).toBe(3),
  )
  await without.stop()
  expect(problems).toHaveLength(1)
  startRole({ settings, commands: ['expireTask'] })
  await until(async () => expect(await events('TaskExpired')).toEqual({ t: 1, u: 1, v: 1 }))
})

test('timers that the last schedule of an application left are issued', async () => {
  await plan('t', 0)
  const { aggregates, commands } = taskApp()
  const without = await start(
    app({
      aggregates: { Task: aggregates.get('task')! },
      commands,
      projections: {},
      queries: {},
    }),
    { write: postgres({ url: log.url }), stores: {}, roles: ['timer'] },
  )
  await until(async () => expect(await events('TaskExpired')).toEqual({ t: 1 }))
  await without.stop()
})

test('goes on after the database did not answer', async () => {
  const real = postgresTimers({ pool })
  let failures = 0
  const role = startRole({
    timers: {
      ...real,
      due: (limit, holdMs) =>
        failures++ < 3 ? Promise.reject(new Error('no answer')) : real.due(limit, holdMs),
    },
  })
  await plan('t', 0)
  await until(async () => expect(await events('TaskExpired')).toEqual({ t: 1 }))
  await until(async () =>
    expect(role.status()).toMatchObject({ issued: 1, problems: 3, lastError: 'no answer' }),
  )
})

test('the key of a timer is visible ASCII of bounded length', () => {
  const timer = {
    id: '0197f0a0-0000-7000-8000-000000000001',
    schedule: 'expiry',
    stream: 'ä b/c',
    command: '',
    input: {},
    at: '',
    hold: '',
  }
  expect(timerKey(timer)).toBe('timer/expiry/%C3%A4%20b%2Fc/0197f0a0-0000-7000-8000-000000000001')
  expect(timerKey({ ...timer, stream: 'x'.repeat(300) })).toBe(
    'timer/0197f0a0-0000-7000-8000-000000000001',
  )
})

test('a timer whose command fails is told with its error until it is set anew or done', async () => {
  const timers = postgresTimers({ pool })
  const quiet = { due: 0, overdue: 0, failed: 0, oldestDueMs: 0, recent: [] }
  expect(await timers.report(60_000, 10)).toEqual(quiet)
  await plan('a', 3_600_000)
  expect(await timers.report(60_000, 10)).toEqual(quiet)
  await plan('b', -120_000)
  await plan('c', 0)
  let broken = true
  startRole({
    settings: { holdMs: 30 },
    submit: (name, input, call) =>
      broken && (input as { id: string }).id !== 'c'
        ? Promise.reject(new Error('the command is broken'))
        : engine.command(name, input, call),
  })
  await until(async () => {
    const report = await timers.report(60_000, 10)
    expect(report).toMatchObject({ due: 1, overdue: 1, failed: 1 })
    expect(report.recent[0]!.failures).toBeGreaterThan(1)
    expect(report.recent[0]).toMatchObject({
      schedule: 'expiry',
      stream: 'b',
      command: 'expireTask',
      error: 'the command is broken',
    })
    expect(report.oldestDueMs).toBeGreaterThan(100_000)
  })
  // Set anew: what failed was the other setting.
  await command('postponeTask', { id: 'b', expiresAt: new Date(Date.now() + 500).toISOString() })
  expect(await timers.report(60_000, 10)).toEqual(quiet)
  await until(async () => expect(await timers.report(60_000, 10)).toMatchObject({ failed: 1 }))
  broken = false
  await until(async () => expect(await timers.report(60_000, 10)).toEqual(quiet))
  expect(await events('TaskExpired')).toEqual({ b: 1, c: 1 })
})

test('a timer that waits for a database that is away has not failed', async () => {
  const timers = postgresTimers({ pool })
  await plan('a', 0)
  const away = new TailraceError('UNAVAILABLE', 'away', { retryable: true })
  startRole({ settings: { holdMs: 20 }, submit: () => Promise.reject(away) })
  await until(async () => expect(problems.length).toBeGreaterThan(1))
  expect(await timers.report(60_000, 10)).toMatchObject({ due: 1, failed: 0, recent: [] })
})
