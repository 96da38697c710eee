// What adapter authors import: ports, their data, and the errors they throw.
export type { Clock } from './ports/clock.ts'
export * from './ports/write-store.ts'
export type * from './ports/event-log.ts'
export type * from './ports/bus.ts'
export type * from './ports/leases.ts'
export type * from './ports/log-types.ts'
export type * from './ports/timers.ts'
export type * from './ports/given-up.ts'
export type * from './ports/read-store.ts'
export type * from './ports/reader.ts'
export { headerNames, messageHeaders, readPlace } from './bus/message-headers.ts'
export { encodeMessage, type CloudEvent } from './bus/encode-message.ts'
export { decodeMessage, type DecodedMessage } from './bus/decode-message.ts'
export { assertBodiesFit, bytesOfSend, wireBytes } from './bus/wire-bytes.ts'
export { startRelay, type Relay, type RelayOptions, type RelayStatus } from './bus/relay.ts'
export { BusTail, type BusSourceStatus, type BusTailOptions } from './bus/bus-tail.ts'
export { slotCount, slotOf, slotRanges } from './log/slot.ts'
export { composed, keptWords, lowerCase, searchWords, wordPatterns } from './read/search-words.ts'
export { encodeToken, decodeToken, type Token } from './read/token.ts'
export { TailraceError, isTailraceError, errorCodes, nearest, type ErrorCode } from './errors.ts'
export {
  jsonSchemaOf,
  validate,
  validateNow,
  type AnySchema,
  type Issue,
} from './declare/standard-schema.ts'
export { documentOutline } from './declare/document-outline.ts'
export {
  documentProperties,
  type DocumentProperty,
  type ValueForm,
  type ValueForms,
} from './declare/document-properties.ts'
export type { JsonSchema } from './declare/json-schema.ts'
export type * from './run/engine.ts'
export type { App } from './declare/app.ts'
export type { AnyAggregate } from './declare/aggregate.ts'
export type { AnyTable, ChildTable, RootTable, TableSet } from './declare/rows.ts'
export type { AnyProjectionDef, ProjectionTransaction } from './declare/projection.ts'
export type { SqlTransaction } from './declare/transactional-command.ts'
export {
  startProjectionWorker,
  type ProjectionWorker,
  type ProjectionWorkerOptions,
} from './project/projection-worker.ts'
export type { RunnerStatus } from './project/projection-runner.ts'
export { compileProjection, type CompiledProjection } from './project/compiled-projection.ts'
export { planBatch } from './project/plan-batch.ts'
export { foldBatch } from './project/fold-batch.ts'
export { checkMove } from './project/check-move.ts'
export { systemClock } from './run/system-clock.ts'
export {
  editAndRetryParked,
  retryParked,
  skipParked,
  type Settled,
  type SettleOptions,
} from './project/settle-parked.ts'
export {
  dropAbandoned,
  openReadable,
  rollBack,
  type ReadableVersion,
} from './project/version-switch.ts'
