import { expect, test } from 'vitest'
import { drive } from '../../test/drive.ts'
import { Order, orders, support, logIdentity } from '../../test/sample-orders.ts'
import type { CommandOptions } from '../run/engine.ts'
import {
  memoryWriteStore,
  type MemoryWriteStoreOptions,
  type StoreFault,
} from '../testing/memory-write-store.ts'
import { testClock } from '../testing/test-clock.ts'
import { createExecutor } from './executor.ts'

async function fresh(storeOptions: MemoryWriteStoreOptions = {}) {
  const clock = testClock()
  const store = memoryWriteStore(storeOptions)
  const failures: unknown[] = []
  const executor = createExecutor({
    app: orders,
    store,
    clock,
    identity: logIdentity,
    options: { onFailure: (error) => failures.push(error) },
  })
  const send = (name: string, input: unknown, more: CommandOptions = {}) =>
    drive(clock, executor.submit(name, input, { actor: support, ...more }))
  const lines = [1, 2].map((line) => ({ line, sku: 'a', quantity: 1 }))
  await send('placeOrder', { orderId: 'o-1', customerId: 'c-1', lines })
  await send('placeOrder', { orderId: 'o-2', customerId: 'c-1', lines: lines.slice(0, 1) })
  const move = (more: object = {}, options: CommandOptions = {}) =>
    send('moveLine', { from: 'o-1', to: 'o-2', line: 2, ...more }, options)
  return { clock, store, executor, send, move, failures }
}

test('writes several aggregates in one transaction and answers with the version of the target', async () => {
  const { store, move } = await fresh()
  const outcome = await move()
  expect(outcome).toMatchObject({ kind: 'committed', aggregateId: 'o-2', version: 3 })
  expect(store.rowsOf(Order, 'o-1')!.children['lines']).toHaveLength(1)
  const events = store.events.slice(2)
  expect(events.map(({ stream, version, ordinal }) => [stream, version, ordinal])).toEqual([
    ['o-1', 2, 1],
    ['o-2', 2, 2],
    ['o-2', 3, 3],
  ])
  expect(new Set(events.map((event) => event.xid)).size).toBe(1)
})

test('rolls back a rejection, whatever was written before it, and records it', async () => {
  const { store, move } = await fresh()
  const rejection = await move({ line: 9 }, { idempotencyKey: 'k' })
  expect(rejection).toMatchObject({ kind: 'refused', code: 'COMMAND_FAILED' })
  const missing = await move({ from: 'o-7' }, { idempotencyKey: 'k2' })
  expect(missing).toMatchObject({
    kind: 'rejected',
    code: 'NO_SUCH_LINE',
    detail: { line: 2 },
    replayed: false,
  })
  expect(await move({ from: 'o-7' }, { idempotencyKey: 'k2' })).toEqual({
    ...missing,
    replayed: true,
  })
  expect(store.events).toHaveLength(2)
})

test('commits nothing when the handler throws or emits nothing', async () => {
  const { store, move, failures } = await fresh()
  expect(await move({ mode: 'throw' })).toMatchObject({ code: 'COMMAND_FAILED' })
  expect(await move({ mode: 'nothing' })).toMatchObject({ code: 'COMMAND_FAILED' })
  expect(failures).toMatchObject([
    { message: 'moved too hard' },
    { code: 'COMMAND_EMITTED_NOTHING' },
  ])
  expect(store.events).toHaveLength(2)
  expect(store.rowsOf(Order, 'o-1')!.children['lines']).toHaveLength(2)
})

test.each([
  ['conflict', false],
  ['lost-before-commit', false],
  // Answered from its record, which under a key may be another call's.
  ['lost-after-commit', true],
  ['lost-while-committing', true],
] as const)('runs once in effect after: %s', async (fault, replayed) => {
  const faults: StoreFault[] = [fault]
  const { store, move } = await fresh({
    fault: ({ operation }) => (operation === 'transaction' ? faults.shift() : undefined),
  })
  expect(await move({}, { idempotencyKey: 'k' })).toMatchObject({
    kind: 'committed',
    version: 3,
    replayed,
  })
  expect(store.events).toHaveLength(5)
})

test('runs again when a plain command won the race for one of its aggregates', async () => {
  const { clock, store, executor } = await fresh()
  const options = { actor: support }
  const outcomes = await drive(
    clock,
    Promise.all([
      executor.submit('moveLine', { from: 'o-1', to: 'o-2', line: 2 }, options),
      executor.submit('touchOrder', { orderId: 'o-1', note: 'x' }, options),
      executor.submit('moveLine', { from: 'o-1', to: 'o-2', line: 1 }, options),
    ]),
  )
  expect(outcomes.every((outcome) => outcome.kind === 'committed')).toBe(true)
  expect(store.rowsOf(Order, 'o-1')!.root['version']).toBe(4)
  expect(store.rowsOf(Order, 'o-2')!.root['version']).toBe(5)
})
