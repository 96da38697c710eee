import type { AnyProjectionDef, ProjectionTransaction } from '../declare/projection.ts'
import type { BatchLimits } from '../project/batch-size.ts'
import type { SlotRange } from './event-log.ts'
import type { Reader } from './reader.ts'

/**
 * Where read models live. One guarantee per store:
 * `transactional` the checkpoint commits with the data; `versioned` each document carries the position applied and an older
 * one never overwrites a newer; `append` rows are keyed by (position, ordinal).
 */
/** The version that readers are on; `none`: no version has been given to them yet. */
export type LiveVersion = number | 'none'

export interface ReadStore {
  readonly kind: 'read-store'
  /** For messages and status, such as `postgres` or `lmdb`. */
  readonly name: string
  readonly guarantee: 'transactional' | 'versioned' | 'append'
  readonly capabilities: ReadCapabilities
  /** How this store likes to be written to. Default: as the worker likes. */
  readonly writes?: WritePreference
  /** Makes what a projection version needs (idempotent) and opens it. Throws `CONFIG` for a shape that the store cannot hold. */
  open(projection: AnyProjectionDef, history: LogIdentityText): Promise<ProjectionStore>
  /** The live version of a projection, for readers; undefined before the first. */
  liveVersion(projection: string): Promise<number | undefined>
  /**
   * Switches readers to a version, in one step. With `from`, only while they are on that one (`none`: on no version yet), as
   * one step too: of several switches from the same version, one is made. Whether it was made. Throws `CONFIG` or
   * `PROJECTION_UNKNOWN` for a version that does not exist.
   */
  switchTo(projection: string, version: number, from?: LiveVersion): Promise<boolean>
  /** Versions that exist physically, for clean-up of abandoned builds. */
  versions(projection: string): Promise<readonly number[]>
  drop(projection: string, version: number): Promise<void>
  ping(): Promise<void>
  close(): Promise<void>
}

export interface WritePreference {
  /** Batch sizes, unless the worker was given others. */
  readonly limits?: Partial<BatchLimits>
  /**
   * Near the head of the log, a batch begins at least so long after the one before ended, milliseconds: for stores where each
   * write costs something that lasts. Events that come meanwhile are one batch. Default: 0.
   */
  readonly paceMs?: number
}

/** `<system id>/<epoch>`: the history that checkpoints belong to. */
export type LogIdentityText = string

export interface ReadCapabilities {
  /** `find` with filters, sort and paging. `'declared'`: only what a declared lookup serves, see `Lookup.by`. */
  readonly find: boolean | 'declared'
  readonly text: boolean
  readonly facets: boolean
  readonly sql: boolean
  readonly rows: boolean
  /** Whether a written change is visible at once, or after a refresh of its own. */
  readonly visibleOnWrite: boolean
}

/** One projection version in one store. Every call may be repeated. */
export interface ProjectionStore {
  /** Checkpoints by range number. A range that never started is absent, which is not position 0. */
  checkpoints(): Promise<ReadonlyMap<number, Checkpoint>>
  /**
   * Documents by key, with the position applied; missing keys are absent from the map. fold only. A `versioned` store also
   * gives the deletions that may be ahead of a checkpoint, as `document: null` with their position: an event before it is
   * not folded again. It may give older ones too.
   */
  load(keys: readonly string[]): Promise<ReadonlyMap<string, StoredDocument>>
  /**
   * Applies the net result of a batch and moves the checkpoints of its ranges, atomically where the store can, else data
   * first. A `versioned` store leaves out, without an error, each change whose position is not above that of the document
   * or of its deletion. Throws `PROJECTION_FENCED` when a checkpoint was written under a higher fence, or stands elsewhere than `from`,
   * or belongs to another system or a later epoch than the history of `open` (an earlier epoch moves on to this one).
   * Throws `DOCUMENT_UNSTORABLE` when the store cannot hold a document, with its `details.key`, or a row, with the
   * `details.position` of its event: then nothing of the batch is to be seen, and the worker parks the key.
   */
  apply(batch: ApplyBatch): Promise<void>
  /** sql only: runs handlers in one transaction with the checkpoints; a group that throws is rolled back to its savepoint and reported. */
  applySql(batch: SqlBatch): Promise<readonly SqlGroupFailure[]>
  /** Keys that are parked, of those asked (all when omitted, at most `limit`). */
  parked(keys?: readonly string[], limit?: number): Promise<readonly ParkedKey[]>
  /** Positions parked under a key, in order. */
  parkedPositions(key: string): Promise<readonly bigint[]>
  /**
   * Settles a parked key after a retry or skip, atomically: the net changes, and what stays parked. Throws `PARKED_KEY_CHANGED`
   * when the positions parked are no longer those in `seen` (a worker diverted another event): look again.
   */
  resolveParked(resolution: ParkResolution): Promise<void>
  /**
   * Loads documents in bulk into an empty version (a rebuild), then indexes; sets the checkpoints. Throws `PROJECTION_FENCED`
   * when it has any: another load may just have ended, and is followed from there.
   * What a load that broke off has left is removed first: so every version of a fold begins with one, of no documents
   * through position 0 where it is followed from the start, and nothing is applied to it before.
   * A load takes over from one that is under way under a lower or equal fence (of the first move); from then on the older
   * one writes nothing and is refused with `PROJECTION_FENCED`, as is one that begins under a lower fence.
   */
  bulkLoad(
    documents: AsyncIterable<readonly DocumentChange[]>,
    checkpoints: readonly CheckpointMove[],
  ): Promise<void>
  /**
   * Whether anything is stored of events after one position and up to another: documents, remembered deletions, rows, and
   * parked events where they may be ahead of their checkpoint. Asked of positions that the log has lost: what was written before
   * its checkpoint has left no other trace. It may look through everything. Every store that is not `transactional` has it.
   */
  holdsBetween?(after: bigint, through: bigint): Promise<boolean>
  /** Every document, ordered by key, for verification: pages of (key, document). */
  dump(): AsyncIterable<readonly { readonly key: string; readonly document: unknown }[]>
  /**
   * Makes visible to queries what is written now, where that is a step of its own (`visibleOnWrite` false); `checkpoints` then
   * say so in `visible`. Asked for while somebody waits, a few times a second at most. Absent where there is nothing to do.
   */
  makeVisible?(): Promise<void>
  /** Reader for queries of this version. */
  reader(): Reader<'fold' | 'rows' | 'sql', never>
  /**
   * A reader that sees one state of the store, and the checkpoints of exactly that state: what lets an answer claim its
   * position exactly. Absent where the store cannot; then an answer claims a position known before it read.
   */
  snapshot?(): Promise<ReadSnapshot>
  /**
   * One state of this read model and of others, in their order and through one connection, for queries that read several;
   * each is released, and the connection is given back with the last. Undefined at once where one of them is of another
   * server: a query that held two connections could wait for another query for ever.
   */
  snapshotWith?(others: readonly ProjectionStore[]): Promise<readonly ReadSnapshot[]> | undefined
}

export interface ReadSnapshot {
  readonly checkpoints: ReadonlyMap<number, Checkpoint>
  /** Whether any key is parked in this state: the checkpoints have passed its events, and its document lacks them. */
  readonly anyParked: boolean
  /** Which of these keys are parked in this state. Not after `release`. */
  parkedAmong(keys: readonly string[]): Promise<readonly string[]>
  readonly reader: Reader<'fold' | 'rows' | 'sql', never>
  /** Must be called once, also after an error. */
  release(): void
}

export interface Checkpoint {
  readonly position: bigint
  readonly fence: bigint
  /** History it belongs to. */
  readonly history: LogIdentityText
  readonly updatedAtMs: number
  /** What a query can see; equals `position` on stores with `visibleOnWrite`. */
  readonly visible: bigint
}

export interface StoredDocument {
  /** null: deleted. */
  readonly document: unknown
  readonly position: bigint
}

export interface DocumentChange {
  readonly key: string
  /** null deletes. */
  readonly document: unknown
  /** Position of the last event folded in. */
  readonly position: bigint
}

export interface CheckpointMove {
  readonly range: number
  readonly slots: SlotRange
  readonly fence: bigint
  /** Expected position; undefined when the range has never started. */
  readonly from: bigint | undefined
  readonly to: bigint
}

export interface ApplyBatch {
  readonly moves: readonly CheckpointMove[]
  readonly changes: readonly DocumentChange[]
  /** rows shape: rows to append. */
  readonly rows: readonly {
    readonly position: bigint
    readonly ordinal: number
    readonly row: unknown
  }[]
  readonly park: readonly ParkEntry[]
}

export interface ParkEntry {
  readonly key: string
  readonly positions: readonly bigint[]
  /**
   * Undefined for followers of a key that is parked already. When that key is not parked any more, `apply` and `applySql`
   * change nothing and throw `PARKED_KEY_CHANGED`: the event must be handled, not diverted.
   */
  readonly failure: ParkFailure | undefined
}

export interface ParkFailure {
  readonly eventId: string
  readonly type: string
  readonly error: string
  readonly attempts: number
}

export interface ParkedKey {
  readonly key: string
  readonly firstPosition: bigint
  readonly events: number
  readonly failure: ParkFailure
  readonly sinceMs: number
}

export interface ParkResolution {
  readonly key: string
  /** The positions that the caller saw parked, in order. */
  readonly seen: readonly bigint[]
  readonly changes: readonly DocumentChange[]
  readonly rows: ApplyBatch['rows']
  /** The positions that stay parked; empty: the key is free again. */
  readonly remaining: readonly bigint[]
  /** Why they stay; undefined when none remains. */
  readonly failure: ParkFailure | undefined
}

export interface SqlBatch {
  readonly moves: readonly CheckpointMove[]
  /** Groups by key, in position order within; groups are independent. */
  readonly groups: readonly {
    readonly key: string
    readonly positions: readonly bigint[]
    readonly run: (tx: ProjectionTransaction) => Promise<void>
  }[]
  readonly park: readonly ParkEntry[]
  /** Makes the park entry of a group that failed. */
  readonly parkOf: (group: number, error: unknown) => ParkEntry
  /** Parked keys settled in the same transaction; left as they are when a group of the batch fails. */
  readonly resolve?: readonly Omit<ParkResolution, 'changes' | 'rows'>[]
}

export interface SqlGroupFailure {
  readonly group: number
  readonly error: unknown
}
