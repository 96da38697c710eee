import { aggregate, app, event, table } from 'tailrace'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { customer, Order, oneLine, orders, logIdentity, support } from '../../test/sample-orders.ts'
import { memoryWriteStore } from '../testing/memory-write-store.ts'
import { testClock } from '../testing/test-clock.ts'
import { fresh, versionsOf } from '../../test/fresh-executor.ts'
import { decodeToken } from '../read/token.ts'
import type { ExpectedVersion } from './expected-version.ts'
import { createExecutor } from './executor.ts'

test('commits a new aggregate with its rows, event, record and token', async () => {
  const { store, place } = fresh()
  const outcome = await place('o-1', { traceparent: 'tp', causationId: 'cause' })
  expect(outcome).toMatchObject({
    kind: 'committed',
    aggregateId: 'o-1',
    version: 1,
    replayed: false,
  })
  if (outcome.kind !== 'committed') return
  expect(store.rowsOf(Order, 'o-1')).toEqual({
    root: { id: 'o-1', version: 1, customerId: 'c-1', status: 'placed', paidMinor: 0 },
    children: {
      lines: [{ orderId: 'o-1', line: 1, sku: 'a', quantity: 3, shipped: 0 }],
      payments: [],
    },
  })
  expect(store.events).toMatchObject([
    {
      stream: 'o-1',
      version: 1,
      type: 'OrderPlaced',
      ordinal: 1,
      commandId: outcome.commandId,
      traceparent: 'tp',
      causationId: 'cause',
    },
  ])
  const token = decodeToken(outcome.token)
  expect(token).toMatchObject({
    ...logIdentity(),
    kind: 'xid',
    value: BigInt(store.events[0]!.xid),
    slots: [store.events[0]!.slot],
  })
  expect(store.record(outcome.commandId)).toMatchObject({
    state: 'committed',
    version: 1,
    aggregateId: 'o-1',
  })
})

test('decides a command on a new aggregate without loading it', async () => {
  const { store, place } = fresh()
  await place('o-1')
  expect(store.calls).toMatchObject({ load: 0, commit: 1 })
})

test('answers the declared rejection when a new aggregate exists, also when nothing was loaded', async () => {
  const { store, place } = fresh()
  await place('o-1')
  expect(await place('o-1')).toMatchObject({
    kind: 'rejected',
    code: 'ORDER_EXISTS',
    rejection: 'conflict',
  })
  expect(versionsOf(store, 'o-1')).toEqual([1])
})

test('gives one of two concurrent creates the aggregate', async () => {
  const { place } = fresh()
  const outcomes = await Promise.all([place('o-1'), place('o-1')])
  expect(outcomes.map((outcome) => outcome.kind)).toEqual(['committed', 'rejected'])
})

test('shows later commands of a batch the rows as the earlier ones left them', async () => {
  const { store, send, place } = fresh()
  const outcomes = await Promise.all([
    place('o-1'),
    send('shipLine', { orderId: 'o-1', line: 1, quantity: 2 }),
    send('shipLine', { orderId: 'o-1', line: 1, quantity: 2 }),
    send('shipLine', { orderId: 'o-1', line: 1, quantity: 1 }),
  ])
  expect(
    outcomes.map((outcome) =>
      outcome.kind === 'committed'
        ? outcome.version
        : outcome.kind === 'rejected'
          ? outcome.detail
          : outcome,
    ),
  ).toEqual([1, 2, { line: 1, open: 1 }, 3])
  expect(store.calls).toMatchObject({ load: 0, commit: 1 })
  expect(store.rowsOf(Order, 'o-1')!.children['lines']).toMatchObject([{ shipped: 3 }])
})

test('gives 50 parallel commands each their own outcome', async () => {
  const { store, send, place } = fresh()
  for (let i = 0; i < 10; i++) await place(`o-${i}`)
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, i) => {
      const orderId = `o-${i % 12}`
      if (i % 5 === 4) return send('touchOrder', { orderId, note: 'throw' })
      return i % 5 === 3
        ? send('shipLine', { orderId, line: 9, quantity: 1 })
        : send('payOrder', { orderId, paymentId: `p-${i}`, amountMinor: i })
    }),
  )
  const seen = new Set<number>()
  outcomes.forEach((outcome, i) => {
    const order = i % 12
    if (i % 5 === 4) expect(outcome).toMatchObject({ kind: 'refused', code: 'COMMAND_FAILED' })
    else if (order >= 10) expect(outcome).toMatchObject({ kind: 'refused', code: 'NOT_FOUND' })
    else if (i % 5 === 3)
      expect(outcome).toMatchObject({
        kind: 'rejected',
        code: 'QTY_EXCEEDS_OPEN',
        detail: { line: 9, open: 0 },
      })
    else if (seen.has(order))
      expect(outcome).toMatchObject({ kind: 'rejected', code: 'ALREADY_PAID' })
    else {
      seen.add(order)
      expect(outcome).toMatchObject({ kind: 'committed', aggregateId: `o-${order}`, version: 2 })
    }
  })
  expect(seen.size).toBe(10)
  expect(store.events).toHaveLength(20)
  expect(new Set(outcomes.map((outcome) => outcome.commandId)).size).toBe(50)
})

test('refuses before the rules: unknown command, bad input, bad id, no identity, not allowed', async () => {
  const { executor, send, store } = fresh()
  expect(await send('placeOrdr', {})).toMatchObject({
    code: 'COMMAND_UNKNOWN',
    message: expect.stringContaining('did you mean "placeOrder"'),
  })
  expect(await send('placeOrder', { orderId: 'o-1', customerId: 'c-1', lines: [] })).toMatchObject({
    code: 'INPUT_INVALID',
    issues: [{ pointer: '/lines' }],
  })
  expect(await send('deleteOrder', { orderId: 'x' })).toMatchObject({ code: 'INPUT_INVALID' })
  expect(await send('deleteOrder', { orderId: 'o-\0' })).toMatchObject({ code: 'INPUT_INVALID' })
  expect(await executor.submit('deleteOrder', { orderId: 'o-1' })).toMatchObject({
    code: 'NOT_AUTHENTICATED',
  })
  expect(await send('expireOrder', { orderId: 'o-1' })).toMatchObject({ code: 'NOT_ALLOWED' })
  expect(
    await send('moveLine', { from: 'o-1', to: 'o-2', line: 1 }, { actor: customer }),
  ).toMatchObject({ code: 'NOT_ALLOWED' })
  expect(await send('deleteOrder', { orderId: 'o-1' }, { idempotencyKey: 'a b' })).toMatchObject({
    code: 'INPUT_INVALID',
  })
  expect(store.calls).toEqual({ load: 0, commit: 0, commitEach: 0, transaction: 0 })
})

test('judges a policy with the rows in hand', async () => {
  const { send, place } = fresh()
  await place('o-1')
  const input = { orderId: 'o-1', paymentId: 'p-1', amountMinor: 5 }
  expect(await send('payOrder', input, { actor: { role: 'customer', id: 'c-2' } })).toMatchObject({
    kind: 'refused',
    code: 'NOT_ALLOWED',
    message: 'the actor may not send "payOrder" to order "o-1": another customer placed it',
  })
  expect(await send('payOrder', input, { actor: customer })).toMatchObject({ kind: 'committed' })
})

test('compares the expected version, also inside a batch', async () => {
  const { send, place } = fresh()
  await place('o-1')
  const touch = (expectedVersion: number) =>
    send('touchOrder', { orderId: 'o-1', note: 'x' }, { expectedVersion })
  expect(await Promise.all([touch(1), touch(1), touch(2)])).toMatchObject([
    { version: 2 },
    { code: 'VERSION_CONFLICT', current: 2 },
    { version: 3 },
  ])
  // Also of what was to be new: who expects a version hears of the version first.
  expect(await place('o-1', { expectedVersion: 7 })).toMatchObject({
    code: 'VERSION_CONFLICT',
    current: 3,
  })
  expect(await place('o-1', { expectedVersion: 3 })).toMatchObject({ code: 'ORDER_EXISTS' })
})

test('takes one of several versions, or any that there is', async () => {
  const { send, place } = fresh()
  expect(await place('o-1', { expectedVersion: 'any' })).toMatchObject({
    code: 'VERSION_CONFLICT',
    current: 0,
  })
  await place('o-1')
  const touch = (expectedVersion: ExpectedVersion) =>
    send('touchOrder', { orderId: 'o-1', note: 'x' }, { expectedVersion })
  expect(await touch('any')).toMatchObject({ version: 2 })
  expect(await touch([7, 2])).toMatchObject({ version: 3 })
  for (const none of [[], [1, 2]])
    expect(await touch(none)).toMatchObject({ code: 'VERSION_CONFLICT', current: 3 })
  expect(await touch([1.5])).toMatchObject({ code: 'INPUT_INVALID' })
})

test('answers the same idempotency key from its record', async () => {
  const { send, place, store } = fresh()
  const first = await place('o-1', { idempotencyKey: 'k' })
  expect(await place('o-1', { idempotencyKey: 'k' })).toEqual({ ...first, replayed: true })
  expect(
    await send(
      'placeOrder',
      { lines: oneLine, customerId: 'c-1', orderId: 'o-1' },
      { idempotencyKey: 'k' },
    ),
  ).toMatchObject({ replayed: true })
  expect(await place('o-2', { idempotencyKey: 'k' })).toMatchObject({
    kind: 'refused',
    code: 'IDEMPOTENCY_KEY_REUSED',
  })
  expect(await place('o-3', { idempotencyKey: 'k', actor: customer })).toMatchObject({
    kind: 'committed',
    replayed: false,
  })
  expect(store.events).toHaveLength(2)
})

test('answers a key from its record, even when the handler would fail today', async () => {
  let broken = false
  const Made = event('Made', z.object({}))
  const Thing = aggregate('thing', {
    id: z.string(),
    rows: { thing: table('things', z.object({ id: z.string(), version: z.int() })) },
    events: [Made],
    write: { Made: (_, to) => [to.thing.insert({})] },
  })
  const make = Thing.command('make', {
    input: z.string(),
    target: (id) => id,
    on: 'new',
    may: 'anyone',
    decide() {
      if (broken) throw new Error('not today')
      return Made({})
    },
  })
  const things = app({ aggregates: { Thing }, commands: { make }, projections: {}, queries: {} })
  const executor = createExecutor({
    app: things,
    store: memoryWriteStore(),
    clock: testClock(),
    identity: logIdentity,
  })
  const first = await executor.submit('make', 't', { idempotencyKey: 'k' })
  broken = true
  expect(await executor.submit('make', 't', { idempotencyKey: 'k' })).toEqual({
    ...first,
    replayed: true,
  })
})

test('answers a rejection from its record, even when the state has changed', async () => {
  const { send, place } = fresh()
  await place('o-1')
  const ship = () =>
    send('shipLine', { orderId: 'o-1', line: 2, quantity: 1 }, { idempotencyKey: 'k' })
  const first = await ship()
  expect(first).toMatchObject({
    kind: 'rejected',
    code: 'QTY_EXCEEDS_OPEN',
    detail: { line: 2, open: 0 },
    replayed: false,
  })
  expect(await ship()).toEqual({ ...first, replayed: true })
})

test('lets a repetition share the run that is under way', async () => {
  const { place, store } = fresh()
  const outcomes = await Promise.all([
    place('o-1', { idempotencyKey: 'k' }),
    place('o-1', { idempotencyKey: 'k' }),
    place('o-2', { idempotencyKey: 'k' }),
  ])
  expect(outcomes).toMatchObject([
    { kind: 'committed', replayed: false },
    { kind: 'committed', replayed: true },
    { code: 'IDEMPOTENCY_KEY_REUSED' },
  ])
  expect(store.records).toHaveLength(1)
})

test('a refusal of a run that began before is no answer to a repetition: its key may have been answered meanwhile', async () => {
  const held = Promise.withResolvers<void>()
  let loads = 0
  const { place, send, store, clock, executor } = fresh({
    // The first look is old when it arrives.
    pause: () => (++loads === 2 ? held.promise : Promise.resolve()),
  })
  const pay = { orderId: 'o-1', paymentId: 'p', amountMinor: 1 }
  const first = send('payOrder', pay, { idempotencyKey: 'k' })
  await new Promise((resolve) => setImmediate(resolve))
  const other = createExecutor({ app: orders, store, clock, identity: logIdentity })
  const actor = support
  await other.submit('placeOrder', { orderId: 'o-1', customerId: 'c-1', lines: oneLine }, { actor })
  const answer = await other.submit('payOrder', pay, { actor, idempotencyKey: 'k' })
  const repeated = Array.from({ length: 3 }, () => send('payOrder', pay, { idempotencyKey: 'k' }))
  held.resolve()
  expect(answer).toMatchObject({ kind: 'committed', version: 2 })
  expect(await first).toMatchObject({ kind: 'refused', code: 'NOT_FOUND' })
  for (const one of await Promise.all(repeated)) expect(one).toEqual({ ...answer, replayed: true })
  // What is refused again, by a run that began later, is the answer of all who waited for it.
  loads = 0
  await Promise.all(
    Array.from({ length: 20 }, () =>
      send('payOrder', { ...pay, orderId: 'o-9' }, { idempotencyKey: 'k9' }),
    ),
  )
  expect(loads).toBeLessThanOrEqual(4)
  expect(await place('o-2')).toMatchObject({ kind: 'committed' })
  await executor.close()
})

test('tells a repetition that the first run takes too long', async () => {
  const held = Promise.withResolvers<void>()
  const { place, clock, executor } = fresh({ pause: () => held.promise })
  const first = place('o-1', { idempotencyKey: 'k' })
  const second = place('o-1', { idempotencyKey: 'k', waitMs: 100 })
  clock.advance(100)
  const answer = await second
  expect(answer).toMatchObject({ kind: 'refused', code: 'COMMAND_IN_PROGRESS' })
  held.resolve()
  expect(await first).toMatchObject({ kind: 'committed' })
  await executor.close()
})

test('concerns only its own command when a handler throws or its operations do not fit', async () => {
  const failures: string[] = []
  const { send, place, store } = fresh(
    {},
    { onFailure: (error, { name }) => failures.push(`${name}: ${(error as Error).message}`) },
  )
  const outcomes = await Promise.all([
    place('o-1'),
    send('touchOrder', { orderId: 'o-1', note: 'throw' }),
    send('removeLine', { orderId: 'o-1', line: 7 }),
    place('o-2'),
  ])
  expect(outcomes).toMatchObject([
    { kind: 'committed' },
    { code: 'COMMAND_FAILED' },
    { code: 'COMMAND_FAILED' },
    { kind: 'committed' },
  ])
  expect(failures[0]).toBe('touchOrder: touched too hard')
  expect(failures[1]).toMatch(
    /removeLine: expected a row of "lines" with orderId "o-1", line 7 for delete, got none/,
  )
  expect(store.calls).toMatchObject({ commit: 1, commitEach: 0 })
})

test('commits a command that changes nothing at the version it met', async () => {
  const { send, place } = fresh()
  await place('o-1')
  expect(await send('touchOrder', { orderId: 'o-1', note: 'nothing' })).toMatchObject({
    kind: 'committed',
    version: 1,
  })
  expect(await send('touchOrder', { orderId: 'o-9', note: 'nothing' })).toMatchObject({
    kind: 'committed',
    version: 0,
  })
})

test('loads before it believes a new command that would write nothing', async () => {
  const { send, place, store } = fresh()
  const nobody = { orderId: 'o-1', customerId: 'nobody', lines: oneLine }
  expect(await send('placeOrder', nobody)).toMatchObject({ kind: 'committed', version: 0 })
  expect(store.calls.load).toBe(1)
  const first = await place('o-1', { idempotencyKey: 'k', actor: customer })
  expect(await send('placeOrder', nobody)).toMatchObject({ kind: 'rejected', code: 'ORDER_EXISTS' })
  expect(first).toMatchObject({ kind: 'committed', version: 1 })
})

test('deletes and makes anew, also in one batch', async () => {
  const { send, place, store } = fresh()
  await place('o-1')
  const remove = () => send('deleteOrder', { orderId: 'o-1' })
  expect(
    await Promise.all([remove(), place('o-1'), remove(), remove(), place('o-1'), remove()]),
  ).toMatchObject([
    { version: 2 },
    { version: 1 },
    { version: 2 },
    { code: 'NOT_FOUND' },
    { version: 1 },
    { version: 2 },
  ])
  expect(store.rowsOf(Order, 'o-1')).toBeUndefined()
  expect(versionsOf(store, 'o-1')).toEqual([1, 2, 1, 2, 1, 2])
  const outcomes = await Promise.all([place('o-2'), remove2(), place('o-2')])
  function remove2() {
    return send('deleteOrder', { orderId: 'o-2' })
  }
  expect(outcomes).toMatchObject([{ version: 1 }, { version: 2 }, { version: 1 }])
  expect(store.rowsOf(Order, 'o-2')!.root).toMatchObject({ version: 1 })
})
