export { readStoreSuite, type ReadStoreSuiteOptions } from './read-store-suite.ts'
export type { TestFunction } from './suite.ts'
export { ListLog, recorded, type GivenEvent } from './memory-log.ts'
export { MemoryLeases } from './memory-leases.ts'
