import type { GivenUpStore, ReactorLedger } from 'tailrace/adapter'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  append,
  freshLog,
  recordCommand,
  type TestLog,
} from '../../../../test/support/event-log.ts'
import { postgresGivenUp } from './postgres-given-up.ts'
import { postgresReactorLedger } from './postgres-reactor-ledger.ts'

let log: TestLog
let ledger: ReactorLedger
let givenUp: GivenUpStore

beforeAll(async () => {
  log = await freshLog()
  ledger = postgresReactorLedger({ pool: log.pool })
  givenUp = postgresGivenUp({ pool: log.pool })
})

beforeEach(() => log.reset())

afterAll(() => log.drop())

const command = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

/** An event of a command, with its record, at a position. */
async function happened(n: number, slot = 0): Promise<string> {
  const client = await log.pool.connect()
  await client.query('begin')
  const { ids } = await append(client, { stream: `s${n}`, slot, commandId: command(n) })
  await recordCommand(client, command(n))
  await client.query('insert into tailrace.event_sequence (position, id) values ($1, $2)', [
    n,
    String(ids[0]),
  ])
  await client.query('commit')
  client.release()
  return `${command(n)}/1`
}

function fail(eventId: string, error = 'no', repeat?: number): Promise<boolean> {
  return ledger.record('mail', eventId, { outcome: 'failed', error, repeat })
}

const all = { reactor: 'mail', slots: { from: 0, to: 255 } }

test('tells what was given up with its place in the log, the latest first, and how the reactor stands', async () => {
  const [first, second] = [await happened(1), await happened(2)]
  await ledger.checkpoint('mail', 0)
  await fail(first)
  await fail(second, 'x'.repeat(5_000))
  await fail('gone/1')
  await ledger.record('mail', await happened(3), { outcome: 'done', commandIds: [] })
  const list = await givenUp.list('mail', 10)
  expect(list.map(({ eventId, position }) => [eventId, position])).toEqual([
    ['gone/1', undefined],
    [second, 2n],
    [first, 1n],
  ])
  expect(list[2]).toEqual({
    eventId: first,
    position: 1n,
    type: 'Happened',
    stream: 's1',
    error: 'no',
    atMs: expect.any(Number),
    repeating: false,
  })
  expect(list[1]!.error).toHaveLength(2_000)
  const [mail, other] = await givenUp.report(['mail', 'other'], 2)
  expect(mail).toEqual({
    reactor: 'mail',
    position: 0n,
    givenUp: 3,
    repeating: 0,
    recent: list.slice(0, 2),
  })
  expect(other).toEqual({
    reactor: 'other',
    position: undefined,
    givenUp: 0,
    repeating: 0,
    recent: [],
  })
})

test('events that are asked for are due in their slots, once, in the order of the log', async () => {
  const events = [await happened(1, 200), await happened(2, 3), await happened(3, 3)]
  for (const event of events.toReversed()) await fail(event)
  await fail('gone/1')
  expect(await givenUp.due([all], 10)).toEqual([[]])
  const asked = await Promise.all([
    givenUp.repeat('mail'),
    givenUp.repeat('mail'),
    givenUp.repeat('other'),
  ])
  // The event that the log has dropped cannot be repeated.
  expect(asked.toSorted()).toEqual([0, 0, 3])
  expect(await givenUp.repeat('mail', events)).toBe(0)
  const low = { reactor: 'mail', slots: { from: 0, to: 127 } }
  const high = { reactor: 'mail', slots: { from: 128, to: 255 } }
  expect(await givenUp.due([low, high, { ...all, reactor: 'other' }], 10)).toEqual([
    [
      { eventId: events[1], position: 2n, repeat: 1 },
      { eventId: events[2], position: 3n, repeat: 1 },
    ],
    [{ eventId: events[0], position: 1n, repeat: 1 }],
    [],
  ])
  expect((await givenUp.due([low], 1))[0]).toHaveLength(1)
  expect(await givenUp.report(['mail'], 0)).toMatchObject([{ givenUp: 1, repeating: 3 }])
})

test('a failure of an earlier handling does not undo a later asking; success and skipping are final', async () => {
  const [one, two] = [await happened(1), await happened(2)]
  await fail(one)
  await fail(two)
  await givenUp.repeat('mail', [one])
  await fail(one, 'of a worker that stood still')
  expect((await givenUp.due([all], 10))[0]).toHaveLength(1)
  await fail(one, 'again', 1)
  expect(await givenUp.due([all], 10)).toEqual([[]])
  await givenUp.repeat('mail', [one])
  await fail(one, 'of the first asking', 1)
  expect((await givenUp.due([all], 10))[0]).toMatchObject([{ eventId: one, repeat: 2 }])
  await ledger.record('mail', one, { outcome: 'done', commandIds: [] })
  await fail(one, 'late', 2)
  expect(await givenUp.skip('mail', [one, two])).toBe(1)
  await fail(two, 'late')
  expect(await givenUp.list('mail', 10)).toEqual([])
  expect(await givenUp.repeat('mail')).toBe(0)
  expect(await ledger.handled('mail', [one, two])).toEqual(new Set([one, two]))
})

test('an event that a restore has lost is not given up', async () => {
  const lost = { outcome: 'failed', error: 'no', commandIds: [command(1)] } as const
  expect(await ledger.record('mail', `${command(1)}/1`, lost)).toBe(false)
  expect(await givenUp.list('mail', 10)).toEqual([])
  const event = await happened(1)
  expect(await ledger.record('mail', event, lost)).toBe(true)
  expect(await givenUp.list('mail', 10)).toMatchObject([{ eventId: event, position: 1n }])
})

test('what older code recorded is found by its index, however long the ledger is', async () => {
  await log.pool.query(`
    insert into tailrace.reactor_ledger (reactor, event_id, outcome)
    select 'mail', n || '/1', 'done' from generate_series(1, 20000) n;
    analyze tailrace.reactor_ledger`)
  await log.pool.query(
    `insert into tailrace.reactor_ledger (reactor, event_id, outcome, error) values ('mail', $1, 'failed', 'no')`,
    [await happened(1)],
  )
  expect(await givenUp.repeat('mail')).toBe(1)
  const { rows } = await log.pool.query(
    `explain select from tailrace.reactor_ledger where reactor = 'mail' and outcome = 'repeat'`,
  )
  expect(rows.map((row) => row['QUERY PLAN']).join()).toContain('reactor_ledger_open')
})
