/** The log as projections, reactors and freshness read it: sequenced events only, by dense positions. */
export interface EventLog {
  readonly identity: LogIdentity
  /**
   * Sequenced events after `after`, in position order, of the given slots. `through` is how far was scanned: with no
   * event left in these slots it still moves on. Reading is gap-free: a position once passed never appears later.
   */
  read(options: LogRead): Promise<LogPage>
  /** The events at these positions, in position order; missing ones are left out. At most 1,000. */
  readAt(positions: readonly bigint[]): Promise<RecordedEvent[]>
  /** Streams a whole range in bulk, for rebuilds: pages in position order, back-pressured by the consumer. */
  scan(options: {
    readonly after: bigint
    readonly through: bigint
    readonly types?: readonly string[]
  }): AsyncIterable<LogPage>
  /** The state of the head, in one query. */
  head(): Promise<LogHead>
  /** Time of the oldest event after each given position (undefined: there is none), and how many are behind it. */
  behind(positions: readonly bigint[]): Promise<readonly Behind[]>
  /**
   * Resolves transaction ids, at most 1,000 in one query, in their order: the highest position of the transaction's events,
   * 0 when it is over and wrote none, 'pending' while one is not sequenced, undefined when this log has no such transaction yet.
   */
  resolve(xids: readonly string[]): Promise<readonly (bigint | 'pending' | undefined)[]>
  /**
   * The histories of this log, oldest first; the last one is the present. A checkpoint of an earlier history stays good
   * when it is not above the `lastPosition` of any later one; else its read model holds events that the log lost.
   */
  epochs(): Promise<readonly LogEpoch[]>
}

export interface LogIdentity {
  /** The database system's identifier, 16 hex digits. */
  readonly systemId: string
  /** Grows with each failover or restore that may have changed history. */
  readonly epoch: number
}

/** One history of a log, and how much of the one before it survived. */
export interface LogEpoch extends LogIdentity {
  /** The last position of the history before that survived; 0 in the first. */
  readonly lastPosition: bigint
  /** Positions of this history are above it. */
  readonly firstPosition: bigint
}

export interface LogRead {
  readonly after: bigint
  /** Slot ranges, both ends included. */
  readonly slots: readonly SlotRange[]
  readonly limit: number
  /** Only these event types; the scan still moves over the others. */
  readonly types?: readonly string[]
}

export interface SlotRange {
  readonly from: number
  readonly to: number
}

export interface LogPage {
  readonly events: readonly RecordedEvent[]
  readonly through: bigint
}

/** An event as the log holds it, its payload parsed but not upcast. */
export interface RecordedEvent {
  readonly position: bigint
  readonly slot: number
  readonly aggregate: string
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly schemaVersion: number
  readonly data: unknown
  readonly commandId: string
  readonly ordinal: number
  readonly causationId: string | undefined
  readonly traceparent: string | undefined
  readonly at: string
}

export interface LogHead extends LogIdentity {
  /** The last sequenced position; 0 when nothing was ever sequenced. */
  readonly position: bigint
  /** The database's time of this answer, milliseconds since 1970. */
  readonly nowMs: number
  /** Committed but not sequenced: how many, and the time of the oldest. */
  readonly unsequenced: number
  readonly oldestUnsequencedAtMs: number | undefined
  /** When a sequencer last reported; undefined before the first. */
  readonly sequencerSeenMs: number | undefined
  /** Why the sequencer gives no positions although it is there; absent while it does. */
  readonly sequencerTrouble?: string
  /** The oldest open transaction, when it is older than the adapter's limit. */
  readonly oldestTransaction?: OldTransaction
}

/**
 * A transaction that has been open for long. It does not hold up the log, but nothing that it may still see is cleaned up:
 * the tables of commands bloat, and so do queues. Events that it writes itself come when it commits.
 */
export interface OldTransaction {
  readonly pid: number
  /** `application_name` of its connection; empty when it gave none. */
  readonly application: string
  readonly ageMs: number
  /** What it runs or ran last, at most 200 characters. */
  readonly query: string
}

export interface Behind {
  readonly events: number
  readonly oldestAtMs: number | undefined
}

/** Cursor of the snapshot window: everything visible in `lo` has its position. While paging a backlog, `hi` is frozen. */
export interface SequencerCursor {
  readonly position: bigint
  readonly lo: string
  readonly hi: string | undefined
  readonly afterId: bigint
}

export interface SequencerStep {
  readonly assigned: number
  readonly cursor: SequencerCursor
  /** More events of the frozen window wait. */
  readonly more: boolean
}

export interface SequencerStore {
  /**
   * Tries to become the one active sequencer. Undefined when another holds the place. `trouble`: what the last one of this
   * process ended with; it is told with the head of the log until the next `maintain`. Throws `LOG_NOT_PRIMARY`.
   */
  acquire(trouble?: string): Promise<ActiveSequencer | undefined>
}

/** The active sequencer: one short statement per step, fenced by compare-and-set on its own row. */
export interface ActiveSequencer {
  /** The durable cursor at the time of acquiring. */
  readonly cursor: SequencerCursor
  readonly identity: LogIdentity
  /**
   * Assigns positions to at most `limit` newly visible events, in one transaction with the cursor.
   * Throws `LOG_FENCED` when another sequencer moved the row: step down.
   */
  step(cursor: SequencerCursor, limit: number): Promise<SequencerStep>
  /** Says that it is alive, and makes log partitions ahead of need. Call about once a second. */
  maintain(): Promise<void>
  /** Gives the place up. May be called twice. */
  release(): Promise<void>
}
