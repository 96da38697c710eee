import type { AnyProjectionDef } from '../declare/projection.ts'
import type { Clock } from '../ports/clock.ts'
import type { LogEpoch, LogHead } from '../ports/event-log.ts'
import type { LeaseStatus } from '../ports/leases.ts'
import type {
  Checkpoint,
  CheckpointMove,
  LogIdentityText,
  ProjectionStore,
  ReadStore,
} from '../ports/read-store.ts'
import { divergence } from '../project/inspect-version.ts'
import { openReadable } from '../project/version-switch.ts'
import { appliedPosition, visiblePosition, type Ranges } from './visible-ranges.ts'
import { HangGuard } from './hang-guard.ts'
import { within } from './within.ts'

export interface ProjectionWatchOptions {
  readonly projection: AnyProjectionDef
  readonly store: ReadStore
  readonly clock: Clock
  readonly history: () => LogIdentityText
  /** Told when checkpoints have moved. */
  readonly onMove: (watch: ProjectionWatch) => void
}

const answerMs = 2_000
/** Stores that show what is written after a step of its own are asked for it this often at most. */
const showEveryMs = 200
/** A switch to another version is looked for this often. */
const versionEveryMs = 500
/** Parked keys are counted this often while checkpoints move. Snapshots know by themselves whether there are any. */
const countEveryMs = 200
/** Parked keys are counted up to this many. */
const parkedCountMax = 1_000

interface Opened {
  readonly version: number
  readonly store: ProjectionStore
}

/** A version that readers came to from another one. */
export interface Arrival {
  /** When, on the monotonic clock. */
  readonly at: number
  /** The end of the log then: the version before cannot have shown more. Undefined until it is known. */
  mark: bigint | undefined
}

/** What is known of one projection: the version that queries read, and how far it is. */
export class ProjectionWatch {
  readonly #options: ProjectionWatchOptions
  readonly #hanging: HangGuard
  #opened: Opened | undefined
  #live: number | undefined
  #checkpoints: ReadonlyMap<number, Checkpoint> = new Map()
  #ranges: Ranges = new Map()
  #arrival: Arrival | undefined
  #leases: readonly LeaseStatus[] | undefined
  #building: readonly LeaseStatus[] = []
  #parkedKeys = 0
  #failure: string | undefined
  #looking: Promise<void> | undefined
  #versionAt = Number.NEGATIVE_INFINITY
  #countedAt = Number.NEGATIVE_INFINITY
  #lookedAt = Number.NEGATIVE_INFINITY
  #toldAt = Number.NEGATIVE_INFINITY
  #showing = false
  #askedToShowAt = Number.NEGATIVE_INFINITY
  #changes = 0
  /** Counts what the worker told: a look that began before must not take it back. */
  #tellings = 0

  constructor(options: ProjectionWatchOptions) {
    this.#options = options
    this.#hanging = new HangGuard(options.clock)
  }

  get projection(): AnyProjectionDef {
    return this.#options.projection
  }

  get readStore(): ReadStore {
    return this.#options.store
  }

  /** The version that queries read; undefined before a worker made one. */
  get live(): number | undefined {
    return this.#live
  }

  /** The version whose data queries get: the live one, or the declared one before there is any. */
  get version(): number {
    return this.#opened?.version ?? this.projection.version
  }

  get store(): ProjectionStore | undefined {
    return this.#opened?.store
  }

  /** Whether others are shown a live version that this code cannot read. */
  get besideLive(): boolean {
    return this.#live !== undefined && this.#live !== this.version
  }

  /** Whether others may be shown another version, which this process does not read. */
  get othersMayDiffer(): boolean {
    return this.#live !== this.version
  }

  /** The last move of readers to another version; undefined once that has passed what the one before could show. */
  get arrival(): Arrival | undefined {
    return this.#arrival
  }

  /** The version of this arrival shows its mark. */
  passed(arrival: Arrival): void {
    if (this.#arrival === arrival) this.#arrival = undefined
  }

  get checkpoints(): ReadonlyMap<number, Checkpoint> {
    return this.#checkpoints
  }

  get leases(): readonly LeaseStatus[] | undefined {
    return this.#leases
  }

  /** Of the declared version, while queries read another one. */
  get building(): readonly LeaseStatus[] {
    return this.#building
  }

  get parkedKeys(): number {
    return this.#parkedKeys
  }

  /** Why the read model cannot be read; undefined while it can. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Counts what may have changed a view of this projection. */
  get changes(): number {
    return this.#changes
  }

  get lookedAt(): number {
    return this.#lookedAt
  }

  /** When a worker of this process last told of a move. */
  get toldAt(): number {
    return this.#toldAt
  }

  /** Undefined while a range of these slots has not started. */
  visible(slots: readonly number[] = [], checkpoints = this.#checkpoints): bigint | undefined {
    return visiblePosition(this.#ranges, checkpoints, slots)
  }

  applied(checkpoints = this.#checkpoints): bigint | undefined {
    return appliedPosition(this.#ranges, checkpoints)
  }

  /** Why the checkpoints do not belong to the log as it is now. */
  divergence(head: LogHead, epochs: readonly LogEpoch[]): string | undefined {
    for (const checkpoint of this.#checkpoints.values()) {
      const foreign = checkpoint.history !== this.#options.history()
      if (foreign && epochs.length === 0) continue
      // The head was read before or after the checkpoint: beyond it alone says nothing here, the worker judges that.
      const reason = foreign
        ? divergence(checkpoint, { ...head, position: checkpoint.position }, epochs)
        : undefined
      if (reason !== undefined) return reason
    }
    return undefined
  }

  get foreign(): boolean {
    return [...this.#checkpoints.values()].some(
      (checkpoint) => checkpoint.history !== this.#options.history(),
    )
  }

  /** Takes in all leases of the log; keeps those of the version that is read. */
  takeLeases(all: readonly LeaseStatus[]): void {
    const { name, version } = this.projection
    const own = all.filter((lease) => lease.projection === name)
    this.#leases = own.filter((lease) => lease.version === this.version)
    this.#building = this.version === version ? [] : own.filter((one) => one.version === version)
    this.#ranges = new Map(this.#leases.map((lease) => [lease.range, lease.slots]))
    this.#changes++
    this.#options.onMove(this)
  }

  /** A worker of this process says what it has just written. Whether the slot ranges are known. */
  told(version: number, moves: readonly CheckpointMove[]): boolean {
    if (version !== this.version || this.#opened === undefined) return true
    this.#tellings++
    this.#changes++
    this.#toldAt = this.#options.clock.monotonic()
    const updatedAtMs = this.#options.clock.now()
    const checkpoints = new Map(this.#checkpoints)
    for (const { range, to, fence } of moves) {
      const visible = this.readStore.capabilities.visibleOnWrite
        ? to
        : (checkpoints.get(range)?.visible ?? 0n)
      checkpoints.set(range, {
        position: to,
        fence,
        history: this.#options.history(),
        updatedAtMs,
        visible,
      })
    }
    this.#checkpoints = checkpoints
    this.#options.onMove(this)
    return this.#ranges.size > 0
  }

  /**
   * Somebody waits for this projection: asks the store to make visible what is written, where that is a step of its own.
   * One question at a time. Never throws.
   */
  show(): void {
    const store = this.#opened?.store
    const now = this.#options.clock.monotonic()
    if (store?.makeVisible === undefined || this.#showing) return
    if (now - this.#askedToShowAt < showEveryMs) return
    const behind = [...this.#checkpoints.values()].some((one) => one.visible < one.position)
    if (!behind) return
    this.#showing = true
    this.#askedToShowAt = now
    void store
      .makeVisible()
      .then(
        () => this.look(),
        // Whoever waits is told by its own bound; the next look says what is wrong.
        () => undefined,
      )
      .finally(() => (this.#showing = false))
  }

  /** Looks at the store. One look at a time; a store that does not answer is remembered as it was. Never throws. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined))
    return this.#looking
  }

  async #look(): Promise<void> {
    if (this.#hanging.blocked()) return
    const { clock, store } = this.#options
    this.#lookedAt = clock.monotonic()
    try {
      await within(
        clock,
        answerMs,
        `the read store "${store.name}"`,
        this.#hanging.track(this.#ask()),
      )
      this.#failure = undefined
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error)
    } finally {
      this.#changes++
    }
  }

  async #ask(): Promise<void> {
    const now = this.#options.clock.monotonic()
    const full = this.#opened === undefined || now - this.#versionAt >= versionEveryMs
    if (full) await this.#openLive()
    const opened = this.#opened!
    const tellings = this.#tellings
    const checkpoints = await opened.store.checkpoints()
    if (full || (now - this.#countedAt >= countEveryMs && this.#haveMoved(checkpoints))) {
      // After the checkpoints: what was parked when they moved is counted.
      this.#parkedKeys = (await opened.store.parked(undefined, parkedCountMax)).length
      this.#countedAt = now
    }
    if (full) this.#versionAt = now
    if (opened !== this.#opened) return
    this.#checkpoints =
      tellings === this.#tellings ? checkpoints : newest(this.#checkpoints, checkpoints)
    this.#options.onMove(this)
  }

  #haveMoved(checkpoints: ReadonlyMap<number, Checkpoint>): boolean {
    return [...checkpoints].some(
      ([range, { position }]) => this.#checkpoints.get(range)?.position !== position,
    )
  }

  async #openLive(): Promise<void> {
    const { projection, store, history } = this.#options
    const { live, version, store: opened } = await openReadable(projection, store, history())
    const known = this.#opened?.version
    const moved =
      known !== undefined && (known !== version || (this.#live ?? version) !== (live ?? version))
    if (moved) this.#arrival = { at: this.#options.clock.monotonic(), mark: undefined }
    this.#live = live
    if (known === version) return
    this.#opened = { version, store: opened }
    this.#checkpoints = new Map()
    this.#ranges = new Map()
    this.#leases = undefined
    this.#building = []
  }
}

/** What a worker told is newer where it is further; what became visible meanwhile only a look can say. */
function newest(
  told: ReadonlyMap<number, Checkpoint>,
  read: ReadonlyMap<number, Checkpoint>,
): ReadonlyMap<number, Checkpoint> {
  const merged = new Map(read)
  for (const [range, checkpoint] of told) {
    const other = merged.get(range)
    if (other !== undefined && other.position >= checkpoint.position) continue
    const visible =
      other === undefined || other.visible < checkpoint.visible ? checkpoint.visible : other.visible
    merged.set(range, { ...checkpoint, visible })
  }
  return merged
}
