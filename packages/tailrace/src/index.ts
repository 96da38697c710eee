// What application authors import.
export {
  event,
  type EventData,
  type EventDef,
  type NewEvent,
  type NewEventOf,
} from './declare/event.ts'
export type { AnyEnvelopeOf, Envelope, EnvelopeOf } from './declare/envelope.ts'
export {
  table,
  many,
  type ChildTable,
  type RootTable,
  type RowsOf,
  type RowOperation,
  type TableSet,
  type WritersTo,
} from './declare/rows.ts'
export { aggregate, type Aggregate, type WrittenEvent } from './declare/aggregate.ts'
export {
  conflict,
  rule,
  type CommandCall,
  type CommandContext,
  type CommandDef,
  type DecideArgs,
  type Rejected,
  type Rejecters,
  type RejectionDef,
} from './declare/command.ts'
export {
  transactionalCommand,
  type SqlTransaction,
  type TransactionArgs,
  type TransactionalCommandDef,
} from './declare/transactional-command.ts'
export { schedule, type ScheduleDef, type TimerChange } from './declare/schedule.ts'
export { reactor, type ReactorArgs, type ReactorDef } from './declare/reactor.ts'
export {
  projection,
  rowsProjection,
  sqlProjection,
  type ProjectionDef,
  type ProjectionTransaction,
} from './declare/projection.ts'
export {
  query,
  eventual,
  bounded,
  strict,
  type Freshness,
  type QueryContext,
  type QueryDef,
} from './declare/query.ts'
export { app, type App } from './declare/app.ts'
export type { CallExample } from './declare/call-example.ts'
export { systemActor, type Actor, type Policy, type PolicyAnswer } from './declare/actor.ts'
export type { Duration } from './declare/duration.ts'
export type { DocumentReader, FindOptions, Found, SqlReader, Where } from './ports/reader.ts'
export type {
  Accepted,
  Answer,
  CommandResult,
  DocumentOf,
  GeneralRejection,
  InputOf,
  Meta,
  OutputOf,
  ProjectionState,
  Surface,
} from './declare/client-types.ts'
export type { AnySchema, Expected, In, Out, Schema } from './declare/standard-schema.ts'
export { TailraceError, isTailraceError, errorCodes, type ErrorCode } from './errors.ts'
export type {
  CommandOptions,
  CommandOutcome,
  CommandStatus,
  Engine,
  EngineStatus,
  ProjectionStatus,
  BusStatus,
  QueryOptions,
  QueryOutcome,
} from './run/engine.ts'
export { asyncApi, type AsyncApiOptions } from './bus/async-api.ts'
export type { Bus } from './ports/bus.ts'
export { start, type Running, type StartOptions, type SurfaceAdapter } from './run/start.ts'
export { type Role } from './run/roles.ts'
export type { Tuning } from './run/tuning.ts'
