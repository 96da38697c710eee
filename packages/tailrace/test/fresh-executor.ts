import type { CommandOptions } from '../src/run/engine.ts'
import {
  memoryWriteStore,
  type MemoryWriteStore,
  type MemoryWriteStoreOptions,
} from '../src/testing/memory-write-store.ts'
import { testClock } from '../src/testing/test-clock.ts'
import { createExecutor, type ExecutorOptions } from '../src/write/executor.ts'
import { logIdentity, oneLine, orders, support } from './sample-orders.ts'

/** An executor of the sample orders on a store in memory, and what tests send most. */
export function fresh(storeOptions: MemoryWriteStoreOptions = {}, options: ExecutorOptions = {}) {
  const clock = testClock()
  const store = memoryWriteStore(storeOptions)
  const executor = createExecutor({ app: orders, store, clock, identity: logIdentity, options })
  const send = (name: string, input: unknown, more: CommandOptions = {}) =>
    executor.submit(name, input, { actor: support, ...more })
  const place = (orderId: string, more: CommandOptions = {}) =>
    send('placeOrder', { orderId, customerId: 'c-1', lines: oneLine }, more)
  return { clock, store, executor, send, place }
}

/** The versions that a stream has in the log. */
export function versionsOf(store: MemoryWriteStore, stream: string): number[] {
  return store.events.filter((one) => one.stream === stream).map((one) => one.version)
}
