import type { Pool } from 'pg'
import { start, type Engine, type Running } from 'tailrace'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { append, freshLog, type TestLog } from '../../../../test/support/event-log.ts'
import { notifier, taskApp, taskTables, type Effect } from '../../../../test/support/task-app.ts'
import {
  beginReactors,
  startReactors,
  type ReactorRunner,
  type ReactorRunnerOptions,
} from '../../../tailrace/src/log/reactor-runner.ts'
import { reactorLease } from '../../../tailrace/src/log/reactor-lease.ts'
import { systemClock } from '../../../tailrace/src/run/system-clock.ts'
import { postgres } from '../postgres.ts'
import { openEventLog } from './postgres-event-log.ts'
import { postgresGivenUp } from './postgres-given-up.ts'
import { postgresLeases } from './postgres-leases.ts'
import { postgresReactorLedger } from './postgres-reactor-ledger.ts'

// Reactors on the real log, leases and ledger, sending commands to the real engine.

let log: TestLog
let pool: Pool
let running: Running
let engine: Engine
let runners: ReactorRunner[]
let problems: string[]

beforeAll(async () => {
  log = await freshLog(20)
  ;({ pool } = log)
  await pool.query(taskTables)
})

beforeEach(async () => {
  runners = []
  problems = []
  await pool.query('truncate tasks')
  await log.reset()
  const write = postgres({ url: log.url, onWarning: () => undefined })
  running = await start(taskApp(), {
    write,
    stores: {},
    roles: ['api', 'sequencer'],
    onProblem: () => undefined,
  })
  ;({ engine } = running)
})

afterEach(async () => {
  await Promise.all(runners.map((runner) => runner.stop()))
  await running.stop()
})

afterAll(() => log.drop())

async function run(
  effect: Effect,
  options: Partial<ReactorRunnerOptions> = {},
): Promise<ReactorRunner> {
  const clock = systemClock()
  const runner = startReactors({
    reactors: [notifier(effect)],
    log: await openEventLog({ pool, clock }),
    leases: postgresLeases({ pool }),
    ledger: postgresReactorLedger({ pool }),
    givenUp: postgresGivenUp({ pool }),
    submit: (name, input, call) => engine.command(name, input, call),
    clock,
    onProblem: (error) => problems.push(String(error)),
    ...options,
    settings: {
      pollMaxMs: 20,
      retryMinMs: 5,
      retryMaxMs: 20,
      leaseTtlMs: 600,
      idleCheckpointMs: 20,
      ...options.settings,
    },
  })
  runners.push(runner)
  return runner
}

const until = (condition: () => void | Promise<void>) =>
  vi.waitFor(condition, { timeout: 15_000, interval: 10 })

/** The reactor stands at the head and works on every range. */
async function standing(runner: ReactorRunner): Promise<void> {
  await until(() => expect(runner.status().ranges).toBe(4))
  await until(async () => {
    const { rows } = await pool.query('select count(*)::int as n from tailrace.reactor_checkpoint')
    expect(rows[0].n).toBe(4)
  })
}

async function plan(...ids: string[]): Promise<void> {
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString()
  const outcomes = await Promise.all(ids.map((id) => engine.command('planTask', { id, expiresAt })))
  expect(outcomes.map((outcome) => outcome.kind)).toEqual(ids.map(() => 'committed'))
}

async function ledger(): Promise<Record<string, number>> {
  const { rows } = await pool.query(
    'select outcome, count(*)::int as n from tailrace.reactor_ledger group by 1',
  )
  return Object.fromEntries(rows.map((row) => [row.outcome, row.n]))
}

test('makes leases again that a restore of the database has taken away, and goes on', async () => {
  const seen: string[] = []
  const runner = await run(async ({ stream }) => void seen.push(stream))
  await standing(runner)
  await pool.query('delete from tailrace.lease')
  await until(async () => {
    const { rows } = await pool.query('select count(*)::int as n from tailrace.lease')
    expect(rows[0].n).toBe(4)
  })
  await plan('after')
  await until(() => expect(seen).toEqual(['after']))
})

test('handles each event after its first start, in the order of its stream', async () => {
  await plan('before')
  await until(async () =>
    expect((await pool.query('select from tailrace.event_sequence')).rowCount).toBe(1),
  )
  const seen: string[] = []
  const runner = await run((event) => {
    seen.push(`${event.stream}:${event.version}`)
    return Promise.resolve()
  })
  await standing(runner)
  const ids = Array.from({ length: 30 }, (_, i) => `t${i}`)
  await plan(...ids)
  for (const id of ids) await engine.command('finishTask', { id })
  await until(() => expect(seen).toHaveLength(60))
  expect(seen).not.toContain('before:1')
  for (const id of ids)
    expect(seen.filter((name) => name.startsWith(`${id}:`))).toEqual([`${id}:1`, `${id}:2`])
  await until(async () => expect(await ledger()).toEqual({ done: 60 }))
})

test('what is committed once its start was made is handled, however late the first worker comes', async () => {
  await plan('before')
  await until(async () =>
    expect((await pool.query('select from tailrace.event_sequence')).rowCount).toBe(1),
  )
  const reactors = [notifier(async () => undefined)]
  await beginReactors({ reactors, ledger: postgresReactorLedger({ pool }) })
  await plan('early')
  await until(async () =>
    expect((await pool.query('select from tailrace.event_sequence')).rowCount).toBe(2),
  )
  // As another process does that starts now.
  await beginReactors({ reactors, ledger: postgresReactorLedger({ pool }) })
  const seen: string[] = []
  await run(async ({ stream }) => void seen.push(stream))
  await until(() => expect(seen).toEqual(['early']))
})

test('is not run again for what it has handled, by a next process or after its checkpoint was lost', async () => {
  const seen: string[] = []
  const effect: Effect = (event) => {
    seen.push(event.id)
    return Promise.resolve()
  }
  const first = await run(effect)
  await standing(first)
  await plan('a', 'b', 'c')
  await until(async () => expect(await ledger()).toEqual({ done: 3 }))
  await first.stop()
  await pool.query('update tailrace.reactor_checkpoint set position = 0')
  const second = await run(effect)
  await standing(second)
  await plan('d')
  await until(async () => expect(await ledger()).toEqual({ done: 4 }))
  expect(new Set(seen).size).toBe(4)
  expect(seen).toHaveLength(4)
})

test('a crash after the effect repeats the event, and its command has one effect', async () => {
  const real = postgresReactorLedger({ pool })
  let crashes = 0
  const calls: string[] = []
  const runner = await run(
    async (event, { send }) => {
      calls.push(event.id)
      await send({ command: 'noteTask', input: { id: event.stream, text: 'welcome' } })
    },
    {
      ledger: {
        ...real,
        record: (...call) =>
          crashes++ < 1 ? Promise.reject(new Error('crashed')) : real.record(...call),
      },
    },
  )
  await standing(runner)
  await plan('a')
  await until(async () => expect(await ledger()).toEqual({ done: 1 }))
  expect(calls).toHaveLength(2)
  const { rows } = await pool.query(
    `select version, causation_id, type from tailrace.event_log order by id`,
  )
  expect(rows.map((row) => [row.type, row.version])).toEqual([
    ['TaskPlanned', '1'],
    ['TaskNoted', '2'],
  ])
  expect(rows[1].causation_id).toBe(calls[0])
  expect(problems).toEqual(['Error: crashed'])
})

test('tries again with growing pauses, and records what never succeeds so that others go on', async () => {
  const attempts = new Map<string, number>()
  const runner = await run(
    (event) => {
      const n = (attempts.get(event.stream) ?? 0) + 1
      attempts.set(event.stream, n)
      if (event.stream === 'poison') throw new Error('never works')
      return n < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve()
    },
    { settings: { attempts: 4 } },
  )
  await standing(runner)
  await plan('poison', 'flaky')
  await engine.command('finishTask', { id: 'poison' })
  await until(async () => expect(await ledger()).toEqual({ done: 1, failed: 2 }))
  expect(Object.fromEntries(attempts)).toEqual({ poison: 8, flaky: 3 })
  const { rows } = await pool.query(
    `select distinct error from tailrace.reactor_ledger where outcome = 'failed'`,
  )
  expect(rows).toEqual([{ error: 'never works' }])
  expect(problems.toSorted()).toEqual([
    expect.stringMatching(
      /expected reactor "\S+" to handle TaskFinished \S+ of "poison", got 4 failures, the last: never works; it is recorded as failed/,
    ),
    expect.stringMatching(/to handle TaskPlanned \S+ of "poison", got 4 failures/),
  ])
  await plan('next')
  await until(async () => expect(await ledger()).toEqual({ done: 2, failed: 2 }))
})

test('a handler that hangs is aborted and counts as failed', async () => {
  const signals: AbortSignal[] = []
  const runner = await run(
    (_, { signal }) => {
      signals.push(signal)
      return new Promise(() => undefined)
    },
    { settings: { timeoutMs: 30, attempts: 2 } },
  )
  await standing(runner)
  await plan('a')
  await until(async () => expect(await ledger()).toEqual({ failed: 1 }))
  expect(signals.map((signal) => signal.aborted)).toEqual([true, true])
})

test('a command that is refused fails the attempt; one that is rejected by its rules does not', async () => {
  const runner = await run(
    async (event, { send }) => {
      if (event.stream === 'refused')
        await send({ command: 'noteTask', input: { id: 'nobody', text: '' } })
      // Finished already: a business rejection is an answer.
      if (event.type === 'TaskFinished')
        await send({ command: 'finishTask', input: { id: event.stream } })
    },
    { settings: { attempts: 2 } },
  )
  await standing(runner)
  await plan('refused', 'rejected')
  await engine.command('finishTask', { id: 'rejected' })
  await until(async () => expect(await ledger()).toEqual({ done: 2, failed: 1 }))
  expect(problems.join()).toContain('NOT_FOUND')
})

test('another process takes over when the first is gone, and the first notices that it lost its leases', async () => {
  const real = postgresLeases({ pool })
  let cutOff = false
  const firstSeen: AbortSignal[] = []
  const first = await run(
    (_, { signal }) => {
      firstSeen.push(signal)
      return new Promise(() => undefined)
    },
    {
      owner: 'first',
      leases: { ...real, claim: (call) => (cutOff ? Promise.resolve([]) : real.claim(call)) },
    },
  )
  await standing(first)
  const seen: string[] = []
  await run((event) => Promise.resolve(void seen.push(event.stream)), { owner: 'second' })
  await plan('a')
  await until(() => expect(firstSeen).toHaveLength(1))
  expect(seen).toEqual([])
  // As when the process stood still: it renewed nothing, and the database's time went on.
  cutOff = true
  await pool.query(
    `update tailrace.lease set until = clock_timestamp() - interval '1 ms' where owner = 'first'`,
  )
  await until(() => expect(seen).toEqual(['a']))
  await until(() => expect(firstSeen[0]!.aborted).toBe(true))
  await until(async () => expect(await ledger()).toEqual({ done: 1 }))
})

test('a paused reactor stands still', async () => {
  const seen: string[] = []
  const runner = await run((event) => Promise.resolve(void seen.push(event.stream)))
  await standing(runner)
  await engine.setPaused(reactorLease('notifier'), true)
  await until(() => expect(runner.status().ranges).toBe(0))
  await plan('a')
  await engine.setPaused(reactorLease('notifier'), false)
  await until(() => expect(seen).toEqual(['a']))
})

test('an event of newer code waits for that code and is not given up', async () => {
  const seen: string[] = []
  const runner = await run((event) => Promise.resolve(void seen.push(event.stream)), {
    settings: { attempts: 1, leaseTtlMs: 90 },
  })
  await standing(runner)
  // At once: it must not be seen in between.
  const client = await pool.connect()
  await client.query('begin')
  await append(client, { stream: 'future', type: 'TaskPlanned', payload: { expiresAt: '' } })
  const { rows } = await client.query(
    `update tailrace.event_log set schema_version = 9 where aggregateid = 'future' returning id`,
  )
  await client.query('commit')
  client.release()
  await until(() => expect(problems.join()).toContain('deploy the code'))
  expect([seen, await ledger()]).toEqual([[], {}])
  await pool.query(`update tailrace.event_log set schema_version = 1 where id = $1`, [rows[0].id])
  await until(() => expect(seen).toEqual(['future']))
})

/** A handler that fails until it is mended, and what it was called with. */
function breakable() {
  const calls: string[] = []
  const state = { broken: true }
  const effect: Effect = async (event, { send }) => {
    calls.push(event.id)
    if (state.broken) throw new Error('the outside is away')
    await send({ command: 'noteTask', input: { id: event.stream, text: 'welcome' } })
  }
  return { calls, state, effect }
}

async function notes(): Promise<readonly string[]> {
  const { rows } = await pool.query(
    `select causation_id from tailrace.event_log where type = 'TaskNoted' order by id`,
  )
  return rows.map((row) => row.causation_id)
}

test('what was given up is repeated when it is asked for, once, under the same event id', async () => {
  const givenUp = postgresGivenUp({ pool })
  const { calls, state, effect } = breakable()
  const runner = await run(effect, { settings: { attempts: 1, leaseTtlMs: 150 } })
  await standing(runner)
  await plan('a', 'b')
  await until(async () => expect(await ledger()).toEqual({ failed: 2 }))
  const firstCalls = [...calls]
  // Asked for while it still fails: it is given up again, and stays to be seen.
  expect(await givenUp.repeat('notifier')).toBe(2)
  await until(() => expect(calls).toHaveLength(4))
  await until(async () => expect(await ledger()).toEqual({ failed: 2 }))
  state.broken = false
  const asked = await Promise.all([givenUp.repeat('notifier'), givenUp.repeat('notifier')])
  expect(asked.toSorted()).toEqual([0, 2])
  await until(async () => expect(await ledger()).toEqual({ done: 2 }))
  expect(await givenUp.repeat('notifier')).toBe(0)
  expect(calls.toSorted()).toEqual([...firstCalls, ...firstCalls, ...firstCalls].toSorted())
  expect((await notes()).toSorted()).toEqual(firstCalls.toSorted())
  expect(problems.filter((text) => text.includes('got 1 failures'))).toHaveLength(4)
})

test('a repetition whose process dies after the effect comes again, and its command has one effect', async () => {
  const real = postgresReactorLedger({ pool })
  const { calls, state, effect } = breakable()
  let crashes = 0
  const runner = await run(effect, {
    settings: { attempts: 1, leaseTtlMs: 150 },
    ledger: {
      ...real,
      record: (reactor, eventId, entry) =>
        entry.outcome === 'done' && crashes++ < 1
          ? Promise.reject(new Error('crashed'))
          : real.record(reactor, eventId, entry),
    },
  })
  await standing(runner)
  await plan('a')
  await until(async () => expect(await ledger()).toEqual({ failed: 1 }))
  state.broken = false
  await postgresGivenUp({ pool }).repeat('notifier')
  await until(async () => expect(await ledger()).toEqual({ done: 1 }))
  expect(calls).toHaveLength(3)
  expect(new Set(calls).size).toBe(1)
  expect(await notes()).toEqual([calls[0]])
})

test('what is asked for is repeated by the next process, and events go on meanwhile', async () => {
  const { calls, state, effect } = breakable()
  const first = await run(effect, { settings: { attempts: 1 } })
  await standing(first)
  await plan('a')
  await until(async () => expect(await ledger()).toEqual({ failed: 1 }))
  await first.stop()
  expect(await postgresGivenUp({ pool }).repeat('notifier', [calls[0]!])).toBe(1)
  state.broken = false
  const gate = Promise.withResolvers<void>()
  const seen: string[] = []
  const second = await run(
    async (event) => {
      seen.push(event.stream)
      if (event.stream === 'a') await gate.promise
    },
    { settings: { leaseTtlMs: 150 } },
  )
  await standing(second)
  await until(() => expect(seen).toEqual(['a']))
  await plan('next')
  await until(() => expect(seen).toEqual(['a', 'next']))
  gate.resolve()
  await until(async () => expect(await ledger()).toEqual({ done: 2 }))
  expect(seen).toEqual(['a', 'next'])
})
