// What tests of applications and of adapters import.
export {
  memoryWriteStore,
  type MemoryWriteStore,
  type MemoryWriteStoreOptions,
  type StoreCall,
  type StoreFault,
} from './testing/memory-write-store.ts'
export type { MemoryEvent } from './testing/memory-tables.ts'
export { testClock, mulberry32, type TestClock } from './testing/test-clock.ts'
