import type { TimerStore } from 'tailrace/adapter'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { freshLog, recordCommand, type TestLog } from '../../../../test/support/event-log.ts'
import { postgresTimers } from './postgres-timers.ts'

let log: TestLog
let timers: TimerStore

beforeAll(async () => {
  log = await freshLog()
  timers = postgresTimers({ pool: log.pool })
})

beforeEach(() => log.reset())

afterAll(() => log.drop())

/** As a command's transaction sets it: a new id for each setting. */
async function set(stream: string, inMs: number): Promise<void> {
  await log.pool.query(
    `insert into tailrace.timer (schedule, stream, at, command, input)
     values ('expiry', $1, clock_timestamp() + $2::float8 * interval '1 ms', 'expireOrder', json_build_object('orderId', $1::text))
     on conflict (schedule, stream) do update set id = gen_random_uuid(), at = excluded.at, hidden_until = null`,
    [stream, inMs],
  )
}

test('hands out what is due, oldest first, and nothing before its time', async () => {
  await set('later', 60_000)
  await set('b', -1_000)
  await set('a', -2_000)
  const due = await timers.due(10, 60_000)
  expect(due.map((timer) => timer.stream)).toEqual(['a', 'b'])
  expect(due[0]).toMatchObject({
    schedule: 'expiry',
    command: 'expireOrder',
    input: { orderId: 'a' },
  })
  expect(due[0]!.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test('hides a timer from others while it is held, and shows it again if it was not settled', async () => {
  await set('a', -1)
  expect(await timers.due(10, 60_000)).toHaveLength(1)
  expect(await timers.due(10, 60_000)).toEqual([])
  expect(await timers.nextInMs()).toBeGreaterThan(50_000)
  await log.pool.query(
    `update tailrace.timer set hidden_until = clock_timestamp() - interval '1 ms'`,
  )
  const [again] = await timers.due(10, 60_000)
  await timers.done(again!, undefined)
  expect(await timers.nextInMs()).toBeUndefined()
})

test('hands a held timer out again, and removes it only as it is held last', async () => {
  await set('a', -1)
  const [timer] = await timers.due(10, 60_000)
  const again = await timers.again(timer!, 90_000)
  expect(again).toEqual({ ...timer!, hold: again!.hold })
  expect(again!.hold).not.toBe(timer!.hold)
  expect(await timers.nextInMs()).toBeGreaterThan(70_000)
  expect(await timers.again(timer!, 90_000)).toBeUndefined()
  await timers.done(timer!, undefined)
  expect(await timers.nextInMs()).toBeDefined()
  await timers.done(again!, undefined)
  expect(await timers.nextInMs()).toBeUndefined()
})

test('does not remove a timer that was set anew while the old one was being issued', async () => {
  await set('a', -1)
  const [old] = await timers.due(10, 60_000)
  await set('a', -1)
  await timers.done(old!, undefined)
  const [renewed] = await timers.due(10, 60_000)
  expect(renewed!.stream).toBe('a')
  expect(renewed!.id).not.toBe(old!.id)
})

test('keeps a timer whose command is not recorded: the database went back in time', async () => {
  await set('a', -1)
  const [timer] = await timers.due(10, 1)
  const commandId = '5b4b0a2e-0d8e-4d5a-9d55-2d1f6d1f4c11'
  await timers.done(timer!, commandId)
  expect(await timers.nextInMs()).toBeDefined()
  await recordCommand(log.pool, commandId)
  await timers.done(timer!, commandId)
  expect(await timers.nextInMs()).toBeUndefined()
})

test('tells how long nothing is due', async () => {
  expect(await timers.nextInMs()).toBeUndefined()
  await set('a', 90_000)
  await set('b', 30_000)
  const ms = await timers.nextInMs()
  expect(ms).toBeGreaterThan(20_000)
  expect(ms).toBeLessThanOrEqual(30_000)
  await set('c', -5)
  expect(await timers.nextInMs()).toBeLessThanOrEqual(0)
})

test('gives each timer to one of many processes that ask at once', async () => {
  await Promise.all(Array.from({ length: 40 }, (_, i) => set(`s${i}`, -1)))
  const asked = await Promise.all(Array.from({ length: 8 }, () => timers.due(10, 60_000)))
  const streams = asked.flat().map((timer) => timer.stream)
  // A process passes over rows that another one is taking, so a second round may be needed for the last of them.
  streams.push(...(await timers.due(100, 60_000)).map((timer) => timer.stream))
  expect(streams).toHaveLength(40)
  expect(new Set(streams).size).toBe(40)
})
