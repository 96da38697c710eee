import type { AnyAggregate } from '../declare/aggregate.ts'
import type { SqlTransaction } from '../declare/transactional-command.ts'
import type { App } from '../declare/app.ts'
import type { Clock } from './clock.ts'
import type { EventLog, SequencerStore, LogIdentity } from './event-log.ts'
import type { GivenUpStore } from './given-up.ts'
import type { LeaseStore } from './leases.ts'
import type { LogTypes } from './log-types.ts'
import type { IssuedTimer, ReactorLedger, TimerStore } from './timers.ts'

/** Where commands commit: the normalized tables, the event log, idempotency records and timers, in one failure domain. */
export interface WriteStore {
  /**
   * Reads aggregates and command records. One round trip for everything; no lock: the version guard of `commit` is the safety.
   * Answers in the order of the requests. Throws `UNAVAILABLE`.
   */
  load(aggregates: readonly AggregateKey[], commandIds: readonly string[]): Promise<Loaded>
  /**
   * Commits a batch atomically: all of it or none of it.
   * Throws `WriteConflict` when a version guard, an aggregate's key or a command id lost a race (nothing happened: load again);
   * `WriteFailed` when the database refused the content (nothing happened); `TailraceError` `COMMAND_OUTCOME_UNKNOWN` when the
   * connection was lost so late that the batch may have committed: look the command ids up.
   */
  commit(batch: WriteBatch): Promise<Committed>
  /** As `commit`, each entry under a savepoint of its own in one transaction: an entry that fails leaves the others alone. */
  commitEach(batches: readonly WriteBatch[]): Promise<EachCommitted>
  /**
   * Runs a transactional command: `body` gets the transaction and returns the entries to write with its commit; without
   * any (`commit: undefined`) the transaction is rolled back, whatever `body` wrote. An error that `body` throws rolls back and is thrown on.
   * Serialization failures and deadlocks are thrown as `WriteConflict`; the engine runs the body again, bounded.
   */
  transaction<T>(
    body: (
      tx: WriteTransaction,
    ) => Promise<{ readonly commit: WriteBatch | undefined; readonly value: T }>,
  ): Promise<{ readonly value: T; readonly committed: Committed | undefined }>
  /** The database's time, RFC 3339 UTC, from the last answers and a monotonic clock. No round trip. */
  now(): string
}

export interface AggregateKey {
  readonly aggregate: AnyAggregate
  readonly id: string
}

/** Plain rows, as loaded: property names in camelCase. Children by property, in primary-key order. */
export interface AggregateRows {
  readonly root: Row
  readonly children: Readonly<Record<string, readonly Row[]>>
  /** Another text after each write of the root row: versions begin anew when an aggregate is deleted and made again. */
  readonly stamp?: string | undefined
}

export type Row = Readonly<Record<string, unknown>>

export interface Loaded {
  readonly aggregates: readonly (AggregateRows | undefined)[]
  readonly commands: readonly (CommandRecord | undefined)[]
}

/** What is kept of a command: enough to answer its idempotency key and `GET /commands/{id}`. */
export interface CommandRecord {
  readonly commandId: string
  readonly name: string
  /** Hash of name, actor and canonical input. */
  readonly fingerprint: string
  readonly state: 'committed' | 'rejected'
  readonly aggregateId: string
  /** Version after the command; 0 when rejected before the aggregate existed. */
  readonly version: number
  readonly rejection: StoredRejection | undefined
  /** The transaction that recorded it, as text; resolves to a position. */
  readonly xid: string
  readonly slots: readonly number[]
  readonly at: string
}

export interface StoredRejection {
  readonly code: string
  readonly kind: 'rule' | 'conflict'
  readonly detail: unknown
}

/** Net effect of one or more commands. Row changes are already folded: at most one per table and key. */
export interface WriteBatch {
  readonly rows: readonly RowChange[]
  /** Expected and new versions of the roots that exist. New roots are guarded by their key. */
  readonly guards: readonly VersionGuard[]
  readonly events: readonly EventToAppend[]
  readonly commands: readonly CommandToRecord[]
  readonly timers: readonly TimerToWrite[]
  /**
   * Timers that commands were issued for. Each must still be set, under the same id, when the batch commits; `timers` says
   * what becomes of it. Throws `WriteFailed` with `timerGone` otherwise.
   */
  readonly issued: readonly IssuedTimer[]
}

/** One net change to one row. `id` is the id of the aggregate that the row belongs to. */
export type RowChange =
  | {
      readonly op: 'insert'
      readonly aggregate: AnyAggregate
      readonly id: string
      readonly of: string
      readonly row: Row
    }
  /** `row` is the whole row after the change. A root's `version` is in it. */
  | {
      readonly op: 'update'
      readonly aggregate: AnyAggregate
      readonly id: string
      readonly of: string
      readonly row: Row
    }
  /** `row` is the whole row as it was. */
  | {
      readonly op: 'delete'
      readonly aggregate: AnyAggregate
      readonly id: string
      readonly of: string
      readonly row: Row
    }

export interface VersionGuard {
  readonly aggregate: AnyAggregate
  readonly id: string
  readonly expected: number
  /** Of the root row that was loaded; undefined: any, because the row is locked. */
  readonly stamp?: string | undefined
}

/** In the order in which they get their place in the log. */
export interface EventToAppend {
  readonly aggregate: string
  readonly stream: string
  readonly version: number
  readonly slot: number
  readonly type: string
  readonly schemaVersion: number
  readonly data: unknown
  readonly commandId: string
  readonly ordinal: number
  readonly causationId: string | undefined
  readonly traceparent: string | undefined
}

export interface CommandToRecord {
  readonly commandId: string
  readonly name: string
  readonly fingerprint: string
  readonly state: 'committed' | 'rejected'
  readonly aggregateId: string
  readonly version: number
  readonly rejection: StoredRejection | undefined
  readonly slots: readonly number[]
}

export interface TimerToWrite {
  readonly schedule: string
  readonly stream: string
  /** RFC 3339; undefined cancels. */
  readonly at: string | undefined
  readonly command: string
  readonly input: unknown
}

export interface Committed {
  /** The transaction's id as text, for tokens. */
  readonly xid: string
}

export interface EachCommitted {
  readonly xid: string
  /** Per batch: undefined when it committed, else why it did not. */
  readonly failures: readonly (WriteConflict | WriteFailed | undefined)[]
}

export interface WriteTransaction extends SqlTransaction {
  /** Loads and locks one aggregate's root row. */
  lock(key: AggregateKey): Promise<AggregateRows | undefined>
  /** Writes row changes now, inside the transaction, so that later SQL of the body sees them. */
  write(batch: WriteBatch): Promise<void>
}

/** A race was lost; nothing happened; loading again and deciding again may succeed. */
export class WriteConflict extends Error {
  readonly kind: 'version' | 'exists' | 'command' | 'serialization'
  constructor(
    kind: 'version' | 'exists' | 'command' | 'serialization',
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'WriteConflict'
    this.kind = kind
  }
}

/** The database refused the content (a constraint, a type, a NUL character); nothing happened; repeating will fail again. */
export class WriteFailed extends Error {
  /** The database's own error code and constraint, for logs; not for callers. */
  readonly sqlState: string | undefined
  readonly constraint: string | undefined
  /** A timer that a command was issued for is not set any more. */
  readonly timerGone: boolean
  constructor(
    message: string,
    options: {
      readonly sqlState?: string | undefined
      readonly constraint?: string | undefined
      readonly timerGone?: boolean | undefined
      readonly cause?: unknown
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'WriteFailed'
    this.sqlState = options.sqlState
    this.constraint = options.constraint
    this.timerGone = options.timerGone === true
  }
}

/** What a write adapter offers to `start`. Opening checks the catalog against the app and throws `CATALOG_MISMATCH`. */
export interface WriteAdapter {
  readonly kind: 'write-adapter'
  open(app: App, options: { readonly clock: Clock }): Promise<OpenWriteSide>
}

export interface OpenWriteSide {
  readonly store: WriteStore
  readonly log: EventLog
  readonly sequencer: SequencerStore
  readonly leases: LeaseStore
  readonly timers: TimerStore
  readonly reactorLedger: ReactorLedger
  readonly givenUp: GivenUpStore
  /** Rings after commits that this or another process told of; a hint. Returns the unsubscriber. */
  onDoorbell(ring: () => void): () => void
  /** Tells other processes, outside the command's transaction, coalesced, that something was committed. Never throws. */
  ringDoorbell(): void
  /**
   * Begins a new history of the log, with positions beyond one that a read model has passed: for a server that was set back
   * and cannot know of it. Absent where a server always knows.
   */
  startHistory?(beyond: bigint): Promise<LogIdentity>
  /** What the log may hold and what read models handle. Absent: an application is not compared with it. */
  readonly types?: LogTypes
  /** A cheap check for readiness. Throws `UNAVAILABLE`. */
  ping(): Promise<void>
  close(): Promise<void>
}
