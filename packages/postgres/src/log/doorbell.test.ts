import { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freshLog, type TestLog } from '../../../../test/support/event-log.ts'
import { systemClock } from '../../../tailrace/src/run/system-clock.ts'
import { openDoorbell, type Doorbell } from './doorbell.ts'

let log: TestLog
const open: Doorbell[] = []

beforeAll(async () => {
  log = await freshLog()
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((bell) => bell.close()))
})

afterAll(() => log.drop())

async function listening(): Promise<{
  bell: Doorbell
  rings: () => number
  next: () => Promise<void>
}> {
  const bell = openDoorbell({ pool: log.pool, clock: systemClock(), retryMs: 50 })
  open.push(bell)
  await bell.listening
  let count = 0
  let wake: (() => void) | undefined
  bell.onRing(() => {
    count++
    wake?.()
  })
  return { bell, rings: () => count, next: () => new Promise((resolve) => (wake = resolve)) }
}

test('rings here at once and in another process', async () => {
  const here = await listening()
  const there = await listening()
  const heard = there.next()
  here.bell.ring()
  expect(here.rings()).toBe(1)
  await heard
  expect([here.rings(), there.rings()]).toEqual([1, 1])
})

test('makes one notification of many rings', async () => {
  const here = await listening()
  const there = await listening()
  let heard = there.next()
  for (let i = 0; i < 1_000; i++) here.bell.ring()
  await heard
  heard = there.next()
  await heard
  // The first goes out at once, the others together; a third would have to come from a later ring.
  heard = there.next()
  here.bell.ring()
  await heard
  expect([here.rings(), there.rings()]).toEqual([1_001, 3])
})

test('listens again after its connection was lost, and says so by a ring', async () => {
  const here = await listening()
  const there = await listening()
  const again = [here.next(), there.next()]
  await log.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'listen%'`,
  )
  await Promise.all(again)
  const heard = there.next()
  here.bell.ring()
  await heard
  expect(there.rings()).toBeGreaterThanOrEqual(2)
})

test('never throws without a server, and closes', async () => {
  const gone = new Pool({ host: '127.0.0.1', port: 1 })
  const bell = openDoorbell({ pool: gone, clock: systemClock(), retryMs: 20 })
  let rings = 0
  bell.onRing(() => rings++)
  bell.ring()
  await bell.close()
  await bell.listening
  expect(rings).toBe(1)
  await gone.end()
})
