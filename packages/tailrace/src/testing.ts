// What tests of applications and of adapters import.
export { test } from './testing/given-when-then.ts'
export type { AggregateTest, TestContext, Verdict } from './testing/test-aggregate.ts'
export type { ProjectionTest } from './testing/test-projection.ts'
export type { ScheduleTest } from './testing/test-schedule.ts'
export { recorded, type RecordedGiven } from './testing/recorded-event.ts'
export { foldLog, type LoggedEvent } from './testing/fold-log.ts'
export {
  memoryWriteStore,
  type MemoryWriteStore,
  type MemoryWriteStoreOptions,
  type StoreCall,
  type StoreFault,
} from './testing/memory-write-store.ts'
export type { MemoryEvent } from './testing/memory-tables.ts'
export { testClock, mulberry32, type TestClock } from './testing/test-clock.ts'
