import { MemoryLeases } from '@tailrace/conformance'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { drive, turn } from '../../test/drive.ts'
import { ManualLog } from '../../test/manual-log.ts'
import { ManualStore } from '../../test/manual-store.ts'
import { bounded, eventual, strict, type Freshness as Wanted } from '../declare/query.ts'
import { aggregate, app, event, projection, table } from '../index.ts'
import type { App } from '../declare/app.ts'
import { slotRanges } from '../log/slot.ts'
import type { QueryOptions } from '../run/engine.ts'
import { testClock } from '../testing/test-clock.ts'
import { catchUp, wantedFreshness } from './caught-up.ts'
import { Freshness } from './freshness.ts'
import { TokenPositions } from './token-positions.ts'
import { encodeToken, type Token } from './token.ts'

// A query of two read models, each of which a test moves by hand.

const Noted = event('Noted', z.object({}))
const Note = aggregate('note', {
  id: z.string(),
  rows: { note: table('notes', z.object({ id: z.string(), version: z.int() })) },
  events: [Noted],
  write: { Noted: (_, to) => [to.note.insert({})] },
})
const [left, right] = (['left', 'right'] as const).map((name) =>
  projection(name, {
    version: 1,
    from: [Noted],
    document: z.object({}),
    key: (e) => e.stream,
    on: { Noted: () => ({}) },
  }),
)

const declared = app({
  aggregates: { Note },
  commands: {},
  projections: { left: left!, right: right! },
  queries: {},
}) as unknown as App

let stop = async (): Promise<void> => undefined
afterEach(() => stop())

async function setup(events = 5) {
  const clock = testClock()
  const log = new ManualLog(clock)
  const stores = { left: new ManualStore(), right: new ManualStore() }
  const leases = new MemoryLeases(clock)
  for (const name of ['left', 'right']) await leases.ensure(name, 1, slotRanges(4))
  await leases.claim({
    owner: 'worker-1',
    ttlMs: 3_600_000,
    projections: ['left', 'right'].map((name) => ({ projection: name, version: 1, max: 4 })),
  })
  for (const store of Object.values(stores)) store.move(0n)
  const freshness = new Freshness({
    app: declared,
    log,
    leases,
    stores,
    clock,
  })
  await freshness.start()
  stop = () => drive(clock, freshness.stop())
  const pass = async (ms: number): Promise<void> => {
    for (let ahead = ms; ahead > 0; ahead -= 5) {
      clock.advance(Math.min(5, ahead))
      await turn()
    }
  }
  log.record(events)
  await pass(1_100)
  const tokens = new TokenPositions({ log, clock, head: freshness.head })
  const start = (wanted: Wanted, options: QueryOptions = {}) =>
    catchUp(freshness, tokens, ['left', 'right'], wanted, options)
  const token = (value: bigint, over: Partial<Token> = {}): string =>
    encodeToken({ ...log.identity, kind: 'position', value, slots: [], ...over })
  return {
    clock,
    log,
    freshness,
    stores,
    leases,
    pass,
    token,
    start,
    ask: (wanted: Wanted, options?: QueryOptions) => drive(clock, start(wanted, options)),
  }
}

const soon = eventual({ wait: '300ms' })

test('a token is reached when every read model of the query shows it', async () => {
  const { stores, ask, token } = await setup()
  stores.left.move(5n)
  expect(await ask(soon, { tokens: [token(5n)] })).toEqual({
    reached: false,
    position: 0n,
    required: false,
    waitedMs: 300,
    aborted: false,
  })
  stores.right.move(5n)
  expect(await ask(soon, { tokens: [token(5n)] })).toMatchObject({ reached: true, position: 5n })
})

test('the read models are waited for at the same time, to the end of the wait', async () => {
  const { stores, start, token, pass, clock } = await setup()
  const waiting = start(soon, { tokens: [token(5n)] })
  await pass(200)
  stores.right.move(5n)
  await pass(80)
  stores.left.move(5n)
  expect(await drive(clock, waiting)).toMatchObject({ reached: true, position: 5n })
})

test('several tokens stand for the highest of their positions, and count once all are reached', async () => {
  const { stores, ask, token, log } = await setup()
  log.xids.set('7', 4n)
  for (const store of Object.values(stores)) store.move(4n)
  const list = [token(1n), token(7n, { kind: 'xid' }), token(3n)]
  expect(await ask(soon, { tokens: list })).toMatchObject({ reached: true, position: 4n })
  for (const tokens of [
    [...list, token(5n)],
    [token(5n), ...list],
  ])
    expect(await ask(soon, { tokens })).toMatchObject({ reached: false, position: 0n })
})

test('a token whose position is not known in time is not reached, and the others do not hide it', async () => {
  const { stores, ask, token, log, pass } = await setup()
  log.xids.set('7', 'pending')
  for (const store of Object.values(stores)) store.move(5n)
  await pass(300)
  const pending = token(7n, { kind: 'xid' })
  for (const tokens of [[pending], [token(5n), pending], [pending, token(5n)]])
    expect(await ask(soon, { tokens })).toMatchObject({ reached: false, position: 0n })
})

test('without tokens an eventual query waits for nothing', async () => {
  const { ask } = await setup()
  expect(await ask(soon)).toEqual({
    reached: true,
    position: 0n,
    required: false,
    waitedMs: 0,
    aborted: false,
  })
})

test('a strict query is at the head when every read model is, and says what its tokens stood for', async () => {
  const { stores, ask, token } = await setup()
  const wanted = strict({ wait: '300ms' })
  stores.left.move(5n)
  expect(await ask(wanted)).toMatchObject({ reached: false, required: true, waitedMs: 300 })
  stores.right.move(5n)
  expect(await ask(wanted, { tokens: [token(2n)] })).toMatchObject({
    reached: true,
    required: true,
    position: 2n,
  })
})

test('a strict query that is at the head has not caught up while a token of it is pending', async () => {
  const { stores, ask, token, log, pass } = await setup()
  for (const store of Object.values(stores)) store.move(5n)
  await pass(300)
  log.xids.set('7', 'pending')
  const tokens = [token(7n, { kind: 'xid' })]
  expect(await ask(strict({ wait: '300ms' }), { tokens })).toMatchObject({ reached: false })
})

test.each(['down', 'hung'] as const)(
  'a strict query has not caught up with a log that is %s',
  async (mood) => {
    const { stores, ask, log, pass } = await setup()
    for (const store of Object.values(stores)) store.move(5n)
    await pass(300)
    log.mood = mood
    const caughtUp = await ask(strict({ wait: '300ms' }))
    expect(caughtUp).toMatchObject({ reached: false, required: true })
    expect(caughtUp.waitedMs).toBeLessThanOrEqual(2_000)
  },
)

test('a strict query waits for what has no position yet, no longer than it may or its caller listens', async () => {
  const { stores, ask, start, log, pass, clock } = await setup()
  for (const store of Object.values(stores)) store.move(5n)
  await pass(300)
  log.commit()
  const late = await ask(strict({ wait: '300ms' }))
  expect(late).toMatchObject({ reached: false, aborted: false, waitedMs: 300 })
  const soonThere = start(strict({ wait: '3s' }))
  await pass(20)
  log.sequence()
  for (const store of Object.values(stores)) store.move(6n)
  const there = await drive(clock, soonThere)
  expect(there.reached).toBe(true)
  expect(there.waitedMs).toBeLessThan(300)
  log.commit()
  const gone = new AbortController()
  const waiting = start(strict({ wait: '3s' }), { signal: gone.signal })
  await pass(20)
  gone.abort()
  expect(await drive(clock, waiting)).toMatchObject({ reached: false, aborted: true, waitedMs: 20 })
})

test('a bounded query has caught up when no read model of it lags more', async () => {
  const { stores, start, ask, pass, clock, token, log } = await setup()
  const wanted = bounded('1s', { wait: '500ms' })
  expect(await ask(wanted)).toMatchObject({ reached: false, required: true, waitedMs: 500 })
  stores.left.move(5n)
  expect(await ask(wanted)).toMatchObject({ reached: false })
  const waiting = start(wanted)
  await pass(100)
  stores.right.move(5n)
  expect(await drive(clock, waiting)).toMatchObject({ reached: true, required: true })
  expect(await ask(wanted)).toMatchObject({ reached: true, waitedMs: 0 })
  log.xids.set('7', 'pending')
  const tokens = [token(7n, { kind: 'xid' })]
  expect(await ask(wanted, { tokens })).toMatchObject({ reached: false })
})

test('a lag of exactly the bound is within it', async () => {
  const { freshness, ask } = await setup()
  const { lagMs } = freshness.view('left')
  expect(lagMs).toBeGreaterThan(0)
  expect(await ask(bounded(`${lagMs}ms`))).toMatchObject({ reached: true, waitedMs: 0 })
  expect(await ask(bounded(`${lagMs - 1}ms`, { wait: '0ms' }))).toMatchObject({ reached: false })
})

test('a bounded query goes on waiting when the first step was not enough', async () => {
  const { stores, start, pass, clock } = await setup()
  const waiting = start(bounded('1s', { wait: '1s' }))
  for (const position of [1n, 3n, 5n]) {
    await pass(100)
    for (const store of Object.values(stores)) store.move(position)
  }
  const caughtUp = await drive(clock, waiting)
  expect(caughtUp.reached).toBe(true)
  expect(caughtUp.waitedMs).toBeGreaterThanOrEqual(300)
})

test('a bounded query also waits for a read model that has not started', async () => {
  const { stores, start, pass, clock } = await setup(1)
  for (const store of Object.values(stores)) store.checkpoints.clear()
  await pass(300)
  const waiting = start(bounded('1s', { wait: '500ms' }))
  await pass(100)
  for (const store of Object.values(stores)) store.move(1n)
  expect(await drive(clock, waiting)).toMatchObject({ reached: true })
})

test('where one read model came to another version, a token waits for what the one before could show', async () => {
  const { stores, leases, ask, token, pass } = await setup()
  await leases.ensure('left', 2, slotRanges(4))
  for (const store of Object.values(stores)) store.move(3n)
  await pass(300)
  expect(await ask(soon, { tokens: [token(1n)] })).toMatchObject({ reached: true })
  stores.left.live = 2
  await pass(2_000)
  expect(await ask(soon, { tokens: [token(1n)] })).toMatchObject({ reached: false, position: 0n })
  // Who saw nothing before is behind nothing.
  expect(await ask(bounded('1h'))).toMatchObject({ reached: true, waitedMs: 0 })
  stores.left.move(5n)
  await pass(300)
  expect(await ask(soon, { tokens: [token(1n)] })).toMatchObject({ reached: true, position: 1n })
})

test('a range that has not started shows no position, not even the first', async () => {
  const { stores, ask, token, pass } = await setup()
  for (const store of Object.values(stores)) store.move(5n)
  stores.right.checkpoints.delete(2)
  await pass(300)
  expect(await ask(soon, { tokens: [token(0n)] })).toMatchObject({ reached: false })
  // It is of no concern to who asks for the slots of other ranges.
  expect(await ask(soon, { tokens: [token(5n, { slots: [3, 80] })] })).toMatchObject({
    reached: true,
  })
})

test('a paused read model is not waited for, unless it has what is asked for', async () => {
  const { stores, leases, ask, token, pass } = await setup()
  for (const store of Object.values(stores)) store.move(4n)
  await leases.setPaused('right', true)
  await pass(1_200)
  expect(await ask(soon, { tokens: [token(4n)] })).toMatchObject({ reached: true })
  stores.left.move(5n)
  await pass(300)
  expect(await ask(soon, { tokens: [token(5n)] })).toMatchObject({ reached: false, waitedMs: 0 })
})

test('the caller says how a declared query waits, within bounds', () => {
  const asked = bounded('1s', { wait: '2s' })
  const { maxLagMs } = asked as { maxLagMs: number }
  expect(wantedFreshness(asked, {})).toEqual({ mode: 'bounded', maxLagMs, waitMs: 2_000 })
  expect(wantedFreshness(asked, { waitMs: 7 })).toEqual({ mode: 'bounded', maxLagMs, waitMs: 7 })
  expect(wantedFreshness(asked, { waitMs: -7 }).waitMs).toBe(0)
  expect(wantedFreshness(asked, { waitMs: 60_000 }).waitMs).toBe(5_000)
  expect(wantedFreshness(asked, { consistency: 'strict', waitMs: 7 })).toEqual({
    mode: 'strict',
    waitMs: 7,
  })
  expect(wantedFreshness(strict(), { consistency: 'eventual', waitMs: 7 })).toEqual({
    mode: 'eventual',
    waitMs: 7,
  })
})
