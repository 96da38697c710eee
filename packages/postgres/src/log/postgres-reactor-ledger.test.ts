import type { ReactorLedger } from 'tailrace/adapter'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { freshLog, recordCommand, type TestLog } from '../../../../test/support/event-log.ts'
import { postgresReactorLedger } from './postgres-reactor-ledger.ts'

let log: TestLog
let ledger: ReactorLedger

beforeAll(async () => {
  log = await freshLog()
  ledger = postgresReactorLedger({ pool: log.pool })
})

beforeEach(() => log.reset())

afterAll(() => log.drop())

async function headAt(position: number): Promise<void> {
  await log.pool.query(
    `insert into tailrace.sequencer_step (previous, position, snapshot) values (0, $1, pg_current_snapshot())`,
    [position],
  )
}

test('a new reactor starts at the head of the log and stays where it stands', async () => {
  await headAt(7)
  const first = await Promise.all(Array.from({ length: 6 }, () => ledger.checkpoint('mail', 0)))
  expect(first).toEqual([7n, 7n, 7n, 7n, 7n, 7n])
  await log.pool.query(
    `insert into tailrace.sequencer_step (previous, position, snapshot) values (7, 9, pg_current_snapshot())`,
  )
  expect(await ledger.checkpoint('mail', 0)).toBe(7n)
  expect(await ledger.checkpoint('mail', 1)).toBe(9n)
})

function advance(fence: bigint, from: bigint, to: bigint, handled: readonly string[] = []) {
  return ledger.advance('mail', 0, { fence, from, to, handled })
}

const fenced = { code: 'PROJECTION_FENCED' }

test('advances under its fence, and never from elsewhere or under a lower one', async () => {
  await ledger.checkpoint('mail', 0)
  await advance(3n, 0n, 10n)
  await advance(3n, 0n, 10n)
  await advance(4n, 10n, 10n)
  await expect(advance(3n, 10n, 20n)).rejects.toMatchObject(fenced)
  await expect(advance(4n, 9n, 12n)).rejects.toMatchObject(fenced)
  expect(await ledger.checkpoint('mail', 0)).toBe(10n)
})

test('advances only over events that it has: a ledger that went back in time is not passed over', async () => {
  await ledger.checkpoint('mail', 0)
  await ledger.record('mail', 'c/0', { outcome: 'done', commandIds: [] })
  await ledger.record('other', 'c/1', { outcome: 'done', commandIds: [] })
  await expect(advance(1n, 0n, 10n, ['c/0', 'c/1'])).rejects.toMatchObject(fenced)
  expect(await ledger.checkpoint('mail', 0)).toBe(0n)
  await ledger.record('mail', 'c/1', { outcome: 'failed', error: 'no' })
  await advance(1n, 0n, 10n, ['c/0', 'c/1', 'c/0'])
  expect(await ledger.checkpoint('mail', 0)).toBe(10n)
})

test('remembers which events were handled, per reactor; a success is final', async () => {
  const failed = (error: string) => ({ outcome: 'failed', error }) as const
  await ledger.record('mail', 'c/0', failed('the server said no'))
  await ledger.record('mail', 'c/0', { outcome: 'done', commandIds: [] })
  await ledger.record('mail', 'c/0', failed('late news of an old attempt'))
  await ledger.record('mail', 'c/1', failed('no'))
  expect(await ledger.handled('mail', ['c/0', 'c/1', 'c/2'])).toEqual(new Set(['c/0', 'c/1']))
  expect(await ledger.handled('other', ['c/0'])).toEqual(new Set())
  const { rows } = await log.pool.query(
    'select event_id, outcome, error from tailrace.reactor_ledger order by 1',
  )
  expect(rows).toEqual([
    { event_id: 'c/0', outcome: 'done', error: null },
    { event_id: 'c/1', outcome: 'failed', error: 'no' },
  ])
})

test('a success is not noted when a command that it led to is not recorded: the database went back in time', async () => {
  const [first, second] = [
    '5b4b0a2e-0d8e-4d5a-9d55-2d1f6d1f4c11',
    '5b4b0a2e-0d8e-4d5a-9d55-2d1f6d1f4c12',
  ]
  const entry = { outcome: 'done', commandIds: [first, second, first] } as const
  await recordCommand(log.pool, first)
  expect(await ledger.record('mail', 'c/0', entry)).toBe(false)
  expect(await ledger.handled('mail', ['c/0'])).toEqual(new Set())
  await recordCommand(log.pool, second)
  expect(await ledger.record('mail', 'c/0', entry)).toBe(true)
  expect(await ledger.record('mail', 'c/0', entry)).toBe(true)
  expect(await ledger.handled('mail', ['c/0'])).toEqual(new Set(['c/0']))
})
