import { expect, test } from 'vitest'
import { overriding } from '../../../conformance/src/overriding.ts'
import { drive } from '../../test/drive.ts'
import { Order, oneLine, orders, support, logIdentity } from '../../test/sample-orders.ts'
import { TailraceError } from '../errors.ts'
import type { WriteBatch } from '../ports/write-store.ts'
import type { CommandOptions } from '../run/engine.ts'
import {
  memoryWriteStore,
  type MemoryWriteStoreOptions,
  type StoreFault,
} from '../testing/memory-write-store.ts'
import { testClock } from '../testing/test-clock.ts'
import { createExecutor, type ExecutorOptions } from './executor.ts'

function fresh(storeOptions: MemoryWriteStoreOptions = {}, options: ExecutorOptions = {}) {
  const clock = testClock()
  const store = memoryWriteStore(storeOptions)
  const failures: string[] = []
  const executor = createExecutor({
    app: orders,
    store,
    clock,
    identity: logIdentity,
    options: { onFailure: (_, { name }) => failures.push(name), ...options },
  })
  const send = (name: string, input: unknown, more: CommandOptions = {}) =>
    executor.submit(name, input, { actor: support, ...more })
  const place = (orderId: string, more: CommandOptions = {}) =>
    send('placeOrder', { orderId, customerId: 'c-1', lines: oneLine }, more)
  const touch = (orderId: string, note: string, more: CommandOptions = {}) =>
    send('touchOrder', { orderId, note }, more)
  const all = <T>(promises: Promise<T>[]) => drive(clock, Promise.all(promises))
  return { clock, store, executor, send, place, touch, all, failures }
}

/** Faults of the first calls of one operation, in order. */
function faultsAt(
  operation: string,
  faults: (StoreFault | undefined)[],
): NonNullable<MemoryWriteStoreOptions['fault']> {
  return (call) => (call.operation === operation ? faults.shift() : undefined)
}

/** The database refuses every batch that holds an event with the note "poison". */
function poisoned(batch: WriteBatch): string | undefined {
  return batch.events.some((event) => (event.data as { note?: string }).note === 'poison')
    ? 'no_poison'
    : undefined
}

test('runs a batch that lost a race again, each command with its outcome', async () => {
  const { place, touch, all, store } = fresh({ fault: faultsAt('commit', ['conflict']) })
  const outcomes = await all([place('o-1'), touch('o-1', 'x'), place('o-2')])
  expect(outcomes).toMatchObject([{ version: 1 }, { version: 2 }, { version: 1 }])
  expect(store.events).toHaveLength(3)
  expect(store.calls).toMatchObject({ commit: 1, commitEach: 1 })
})

test('isolates one command of many that the database refuses, over several aggregates', async () => {
  const { place, touch, all, store, failures } = fresh({ constraint: poisoned })
  const outcomes = await all(
    Array.from({ length: 40 }, (_, i) => (i === 17 ? touch('o-17', 'poison') : place(`o-${i}`))),
  )
  outcomes.forEach((outcome, i) =>
    expect(outcome).toMatchObject(
      i === 17 ? { kind: 'refused', code: 'COMMAND_FAILED' } : { kind: 'committed' },
    ),
  )
  expect(store.rowsOf(Order, 'o-17')).toBeUndefined()
  expect(failures).toEqual(['touchOrder'])
})

test('isolates the commands of one aggregate that the database refuses, and decides the later ones again', async () => {
  const { place, touch, all, store } = fresh({ constraint: poisoned })
  const bad = new Set([13, 14, 150])
  const outcomes = await all([
    place('o-1'),
    ...Array.from({ length: 180 }, (_, i) => touch('o-1', bad.has(i) ? 'poison' : `n${i}`)),
  ])
  let version = 1
  expect(outcomes[0]).toMatchObject({ version: 1 })
  outcomes.slice(1).forEach((outcome, i) => {
    expect(outcome).toMatchObject(
      bad.has(i) ? { code: 'COMMAND_FAILED' } : { kind: 'committed', version: ++version },
    )
  })
  expect(store.events.map((event) => event.version)).toEqual(
    Array.from({ length: version }, (_, i) => i + 1),
  )
  // Halving, not one at a time.
  expect(store.calls.commitEach).toBeLessThan(60)
})

test('takes back what later commands saw of a refused one', async () => {
  const { send, touch, all } = fresh({ constraint: poisoned })
  const outcomes = await all([
    touch('o-1', 'poison'),
    send('payOrder', { orderId: 'o-1', paymentId: 'p', amountMinor: 1 }),
    touch('o-1', 'x'),
  ])
  expect(outcomes).toMatchObject([
    { code: 'COMMAND_FAILED' },
    { code: 'NOT_FOUND' },
    { kind: 'committed', version: 2 },
  ])
})

test('never commits what was decided on rows that another process has replaced', async () => {
  const { place, send, all, store } = fresh({ fault: faultsAt('commit', [undefined, 'conflict']) })
  const other = createExecutor({
    app: orders,
    store,
    clock: testClock({ seed: 2 }),
    identity: logIdentity,
  })
  await all([place('o-1')])
  const commitEach = store.commitEach.bind(store)
  // Between the load and the write of the safe form, another process writes the very version that the first command would
  // have written, so that the second one meets the version that it expects.
  let meddled = false
  store.commitEach = async (batches) => {
    if (!meddled) {
      meddled = true
      await other.submit(
        'shipLine',
        { orderId: 'o-1', line: 1, quantity: 2 },
        { actor: { role: 'seller', id: 'x' } },
      )
    }
    return commitEach(batches)
  }
  const ship = () => send('shipLine', { orderId: 'o-1', line: 1, quantity: 1 })
  expect(await all([ship(), ship()])).toMatchObject([
    { kind: 'committed', version: 3 },
    { kind: 'rejected', detail: { line: 1, open: 0 } },
  ])
  expect(store.rowsOf(Order, 'o-1')!.children['lines']).toMatchObject([{ shipped: 3 }])
})

test('isolates a key that two aggregates want', async () => {
  const { place, send, all } = fresh()
  await all([place('o-1'), place('o-2'), place('o-3')])
  const pay = (orderId: string, paymentId: string) =>
    send('payOrder', { orderId, paymentId, amountMinor: 1 })
  expect(await all([pay('o-1', 'p-1'), pay('o-2', 'p-1'), pay('o-3', 'p-3')])).toMatchObject([
    { version: 2 },
    { code: 'COMMAND_FAILED' },
    { version: 2 },
  ])
})

test.each([
  ['lost-before-commit', false],
  ['lost-after-commit', true],
  ['lost-while-committing', true],
] as const)(
  'settles a commit that was %s by the record, once; whose record that is under a key is not known',
  async (fault, replayed) => {
    const { place, touch, all, store } = fresh({ fault: faultsAt('commit', [fault]) })
    const outcomes = await all([
      place('o-1'),
      touch('o-1', 'x'),
      touch('o-1', 'y'),
      place('o-2', { idempotencyKey: 'k' }),
    ])
    expect(outcomes).toMatchObject([
      { version: 1 },
      { version: 2 },
      { version: 3 },
      { version: 1, replayed },
    ])
    expect(outcomes[0]).toMatchObject({ replayed: false })
    expect(store.events).toHaveLength(4)
  },
)

test('keeps what was refused in a commit that was lost but happened', async () => {
  const { place, send, all, store } = fresh({ fault: faultsAt('commit', ['lost-after-commit']) })
  const pay = send('payOrder', { orderId: 'o-1', paymentId: 'p', amountMinor: 1 })
  expect(await all([pay, place('o-1')])).toMatchObject([{ code: 'NOT_FOUND' }, { version: 1 }])
  expect(store.events).toHaveLength(1)
})

test('does not call a command failed that its own lost commit has got in the way of', async () => {
  // The lost commit happens between the look for its record and the repetition. A real database may then name the
  // payment's own key before it notices the version.
  const faults: (StoreFault | undefined)[] = [undefined, 'lost-while-committing']
  const { place, send, all, store } = fresh({
    fault: ({ operation }) => (operation === 'load' ? undefined : faults.shift()),
    constraint: ({ rows }) => {
      const paid = new Set(
        store.rowsOf(Order, 'o-1')?.children['payments']?.map((row) => row['id']),
      )
      return rows.some(
        ({ of, op, row }) => of === 'payments' && op === 'insert' && paid.has(row['id']),
      )
        ? 'payments_pkey'
        : undefined
    },
  })
  await all([place('o-1')])
  expect(
    await all([send('payOrder', { orderId: 'o-1', paymentId: 'p-1', amountMinor: 1 })]),
  ).toMatchObject([{ kind: 'committed', version: 2 }])
  expect(store.events).toHaveLength(2)
})

test('does not call it contention when the race may be with its own lost commit', async () => {
  const { place, clock } = fresh({
    fault: ({ operation }) =>
      operation === 'commit'
        ? 'lost-before-commit'
        : operation === 'commitEach'
          ? 'conflict'
          : undefined,
  })
  await expect(drive(clock, place('o-1'))).rejects.toMatchObject({
    code: 'COMMAND_OUTCOME_UNKNOWN',
  })
})

test('loads an aggregate that a batch would make and delete at once', async () => {
  const { place, send, all, store, clock } = fresh()
  const other = createExecutor({ app: orders, store, clock, identity: logIdentity })
  await drive(clock, other.submit('touchOrder', { orderId: 'o-1', note: 'x' }, { actor: support }))
  const outcomes = await all([place('o-1'), send('deleteOrder', { orderId: 'o-1' })])
  expect(outcomes).toMatchObject([
    { kind: 'rejected', code: 'ORDER_EXISTS' },
    { kind: 'committed', version: 3 },
  ])
  expect(store.violations).toEqual([])
})

test('settles several lost commits in a row', async () => {
  const faults: StoreFault[] = [
    'lost-while-committing',
    'lost-before-commit',
    'lost-while-committing',
    'lost-after-commit',
  ]
  const { place, touch, all, store } = fresh({
    fault: ({ operation }) => (operation === 'load' ? undefined : faults.shift()),
  })
  expect(await all([place('o-1'), touch('o-1', 'x')])).toMatchObject([
    { version: 1 },
    { version: 2 },
  ])
  expect(store.events).toHaveLength(2)
})

test('says that the outcome is unknown when the database does not come back in time', async () => {
  let down = false
  const { place, clock, store } = fresh({
    fault({ operation }) {
      if (down) return 'unavailable'
      down = operation === 'commit'
      return down ? 'lost-after-commit' : undefined
    },
  })
  const error = await drive(clock, place('o-1')).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'COMMAND_OUTCOME_UNKNOWN', retryable: true })
  expect(store.record((error as TailraceError).details['commandId'] as string)).toMatchObject({
    state: 'committed',
  })
  expect(clock.monotonic()).toBeGreaterThanOrEqual(10_000)
})

test('throws at once when the database does not answer and nothing was sent', async () => {
  const { touch } = fresh({ fault: () => 'unavailable' })
  await expect(touch('o-1', 'x')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('gives up a command that loses every race', async () => {
  const { place, clock, store } = fresh({
    fault: ({ operation }) => (operation === 'load' ? undefined : 'conflict'),
  })
  await expect(drive(clock, place('o-1'))).rejects.toMatchObject({
    code: 'CONTENTION',
    retryable: true,
  })
  expect(store.calls.commitEach + store.calls.commit).toBe(16)
})

test('goes on with other aggregates while one is in the safe form', async () => {
  const releases: (() => void)[] = []
  const { place, touch, clock, store } = fresh({
    constraint: poisoned,
    pause: () => new Promise((resolve) => releases.push(resolve)),
  })
  const bad = [touch('o-1', 'poison'), place('o-2'), touch('o-1', 'poison')]
  const good = Array.from({ length: 20 }, (_, i) => place(`o-g${i}`))
  const everything = Promise.all([...bad, ...good])
  const release = setInterval(() => releases.splice(0).forEach((go) => go()), 0)
  try {
    const outcomes = await drive(clock, everything)
    expect(outcomes.filter((outcome) => outcome.kind === 'committed')).toHaveLength(21)
  } finally {
    clearInterval(release)
  }
  expect(store.records).toHaveLength(21)
})

test('does not let an error that no store may throw take others with it', async () => {
  const { place, touch, clock } = fresh({
    constraint: (batch) => {
      if (poisoned(batch) !== undefined) throw new TypeError('a bug of the adapter')
      return undefined
    },
  })
  const outcomes = await drive(
    clock,
    Promise.allSettled([
      place('o-1'),
      touch('o-2', 'x'),
      touch('o-2', 'poison'),
      touch('o-2', 'y'),
    ]),
  )
  expect(outcomes).toMatchObject([
    { value: { kind: 'committed' } },
    { value: { kind: 'committed', version: 2 } },
    { reason: { code: 'COMMAND_OUTCOME_UNKNOWN' } },
    { value: { kind: 'committed', version: 3 } },
  ])
})

test('answers only the commands of an aggregate whose rows cannot be read', async () => {
  const { place, touch, all, store, failures } = fresh()
  await all([place('o-1'), place('o-2'), place('o-3')])
  const load = store.load.bind(store)
  store.load = async (keys, ids) => {
    if (keys.some((key) => key.id === 'o-2'))
      throw new TailraceError('ROW_INTEGER_TOO_LARGE', 'injected')
    return load(keys, ids)
  }
  expect(await all([touch('o-1', 'x'), touch('o-2', 'x'), touch('o-3', 'x')])).toMatchObject([
    { version: 2 },
    { code: 'COMMAND_FAILED' },
    { version: 2 },
  ])
  expect(failures).toEqual(['touchOrder'])
})

test('stops betting on new aggregates after a lost bet, for a while', async () => {
  const { place, all, store } = fresh()
  await all([place('o-1')])
  await all([place('o-1'), place('o-2')])
  const { load } = store.calls
  await all([place('o-3')])
  expect(store.calls.load).toBe(load + 1)
})

test('decides again when the aggregate was deleted and made anew at the version that was loaded', async () => {
  const { clock, store, send, place } = fresh()
  await place('o-1')
  const meanwhile = [
    () => send('deleteOrder', { orderId: 'o-1' }),
    () => send('placeOrder', { orderId: 'o-1', customerId: 'c-2', lines: oneLine }),
  ]
  const slow = createExecutor({
    app: orders,
    store: overriding(store, {
      load: async (...asked) => {
        const loaded = await store.load(...asked)
        for (const step of meanwhile.splice(0)) await step()
        return loaded
      },
    }),
    clock,
    identity: logIdentity,
  })
  const input = { orderId: 'o-1', paymentId: 'p-1', amountMinor: 5 }
  const paid = drive(clock, slow.submit('payOrder', input, { actor: support }))
  expect(await paid).toMatchObject({ version: 2 })
  expect(store.rowsOf(Order, 'o-1')!.root).toMatchObject({ customerId: 'c-2', version: 2 })
})
