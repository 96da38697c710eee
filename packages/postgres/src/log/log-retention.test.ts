import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { append, freshLog, type TestLog } from '../../../../test/support/event-log.ts'
import { systemClock } from '../../../tailrace/src/run/system-clock.ts'
import { dropLogBelow } from './log-retention.ts'
import { openEventLog } from './postgres-event-log.ts'
import { postgresReactorLedger } from './postgres-reactor-ledger.ts'
import { postgresSequencer } from './postgres-sequencer.ts'

let log: TestLog

beforeAll(async () => {
  log = await freshLog()
})

beforeEach(async () => {
  await log.reset()
  await log.pool.query('select tailrace.ensure_log_partitions()')
})

afterAll(() => log.drop())

async function sequence(): Promise<void> {
  const sequencer = (await postgresSequencer({ pool: log.pool }).acquire())!
  let { cursor } = sequencer
  for (;;) {
    const step = await sequencer.step(cursor, 1_000)
    ;({ cursor } = step)
    if (step.assigned === 0) break
  }
  await sequencer.release()
}

/** The next event gets this id: partitions hold ten million each. */
async function skipTo(id: number): Promise<void> {
  await log.pool.query(`select setval(pg_get_serial_sequence('tailrace.event_log', 'id'), $1)`, [
    id - 1,
  ])
  await log.pool.query('select tailrace.ensure_log_partitions()')
}

/** Positions 1–3 in the first partition, 4–5 in the second, 6 in the third, which is in use. */
async function threePartitions(): Promise<void> {
  await append(log.pool, {}, {}, {})
  await skipTo(10_000_000)
  await append(log.pool, {}, {})
  await skipTo(20_000_000)
  await append(log.pool, {})
  await sequence()
}

const drop = (below: bigint) => dropLogBelow({ pool: log.pool, below })

async function left(): Promise<number[]> {
  const events = await openEventLog({ pool: log.pool, clock: systemClock() })
  const page = await events.read({ after: 0n, slots: [{ from: 0, to: 255 }], limit: 100 })
  return page.events.map((event) => Number(event.position))
}

test('drops whole partitions below the lowest checkpoint, and never the one in use', async () => {
  await threePartitions()
  expect(await drop(2n)).toEqual({ partitions: [], positions: 0 })
  expect(await left()).toEqual([1, 2, 3, 4, 5, 6])
  expect(await drop(4n)).toEqual({ partitions: ['event_log_000000'], positions: 3 })
  expect(await left()).toEqual([4, 5, 6])
  expect(await drop(1_000n)).toEqual({ partitions: ['event_log_000001'], positions: 2 })
  expect(await left()).toEqual([6])
  await append(log.pool, {})
  await sequence()
  expect(await left()).toEqual([6, 7])
})

test('keeps what a reactor has not passed', async () => {
  const ledger = postgresReactorLedger({ pool: log.pool })
  await ledger.checkpoint('mail', 0)
  await threePartitions()
  await ledger.advance('mail', 0, { fence: 1n, from: 0n, to: 3n, handled: [] })
  expect((await drop(1_000n)).partitions).toEqual(['event_log_000000'])
  expect(await left()).toEqual([4, 5, 6])
})

test('keeps a partition in which an event has no position yet, or may still come', async () => {
  const open = await log.pool.connect()
  await open.query('begin')
  await append(open, {})
  await threePartitions()
  expect((await drop(1_000n)).partitions).toEqual([])
  await open.query('commit')
  open.release()
  expect((await drop(1_000n)).partitions).toEqual([])
  await sequence()
  expect((await drop(1_000n)).partitions).toHaveLength(2)
})
