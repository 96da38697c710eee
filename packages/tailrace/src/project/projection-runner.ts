import type { ProjectionState } from '../declare/client-types.ts'
import type { AnyProjectionDef } from '../declare/projection.ts'
import { isTailraceError, TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventLog, RecordedEvent } from '../ports/event-log.ts'
import type { Lease, Trouble } from '../ports/leases.ts'
import type { CheckpointMove, ReadStore } from '../ports/read-store.ts'
import type { BatchLimits } from './batch-size.ts'
import { compileProjection, type CompiledProjection } from './compiled-projection.ts'
import { DocumentCache } from './document-cache.ts'
import { errorText } from './fold-batch.ts'
import { inspectVersion, type VersionFound } from './inspect-version.ts'
import type { Holding } from './lease-keeper.ts'
import { PageApplier, type ParkedFailure } from './page-applier.ts'
import { PageSource, type SourcePage } from './page-source.ts'
import { ParkedSet } from './parked-set.ts'
import { RecentKeySlots } from './recent-key-slots.ts'
import { retryDelayMs } from './retry-delay.ts'
import { VersionBuilder, type BuildLimits, type BuildTurns } from './version-builder.ts'
import { WakeSignal } from './wake-signal.ts'
import {
  initialState,
  lowestCheckpoint,
  movesTo,
  nextStep,
  shownState,
  withCheckpoints,
  withDoubt,
  withLeases,
  withProgress,
  type WorkerState,
  type WorkerStep,
} from './worker-state.ts'

export interface RunnerOptions {
  readonly projection: AnyProjectionDef
  readonly store: ReadStore
  readonly log: EventLog
  /** Where pages come from: the log, or its end shared with other projections. */
  readonly tail: Pick<EventLog, 'read'>
  readonly clock: Clock
  readonly limits: BatchLimits
  readonly cacheDocuments: number
  readonly build: BuildLimits
  /** Shared by the projections of a process. */
  readonly turns: BuildTurns
  readonly unknownTypes: () => Promise<readonly string[]>
  readonly onApplied: (
    projection: string,
    version: number,
    moves: readonly CheckpointMove[],
    recordedAt: readonly string[],
  ) => void
  /** Told once of each trouble in turn, not at each of its repetitions, and of keys that are parked. */
  readonly onProblem: (error: unknown) => void
}

/** What one process says about one projection version. */
export interface RunnerStatus {
  readonly projection: string
  readonly version: number
  readonly state: ProjectionState
  /** Ranges held by this process. */
  readonly ranges: readonly number[]
  /** The lowest checkpoint of these ranges. */
  readonly position: bigint | undefined
  readonly parkedKeys: number
  /** Why it is not going on right now, in words; undefined while it works. */
  readonly waiting: string | undefined
  readonly lastError: string | undefined
}

// The log rings when it has grown; polling is for rings that were lost.
const pollFirstMs = 10
const pollLastMs = 100
/** Checkpoints that pass only foreign events are written this often at most, and whenever the head is reached. */
const passEveryMs = 20
const restMs = 500
const failedRestMs = 10_000
const parkedLookEveryMs = 5_000
const storeLookEveryMs = 5_000
/** No page looks at more positions: only the gap in front of a new history is longer. */
const longestPage = 100_000n

/** Runs one projection version in this process, over the ranges that it holds leases for. */
export class ProjectionRunner {
  readonly #options: RunnerOptions
  readonly #compiled: CompiledProjection
  readonly #source: PageSource
  readonly #signal: WakeSignal
  readonly #cache: DocumentCache
  #state: WorkerState = initialState
  readonly #builder: VersionBuilder
  #holding: Holding = { leases: [], expiresAt: 0, paused: false, all: [] }
  #applier: PageApplier | undefined
  #parked: ParkedSet | undefined
  #stopping = false
  #building = false
  #pollMs = pollFirstMs
  #failures = 0
  #waiting: string | undefined
  #lastError: string | undefined
  /** Why it could not go on by itself when it last tried; kept until it has gone on. */
  #ended: string | undefined
  /** The trouble that was told of last; undefined once work went on. */
  #told: string | undefined
  #wroteAt = Number.NEGATIVE_INFINITY
  #parkedLookAt = Number.NEGATIVE_INFINITY
  /** Of the log when store and log were last compared. */
  #epoch = 0
  #storeLookAt = Number.NEGATIVE_INFINITY

  constructor(options: RunnerOptions) {
    this.#options = options
    this.#compiled = compileProjection(options.projection)
    this.#source = new PageSource(options.tail, this.#compiled.types, options.limits)
    this.#signal = new WakeSignal(options.clock)
    this.#builder = new VersionBuilder(options)
    // A cache is sound only where someone else's write makes our checkpoint move fail.
    this.#cache = new DocumentCache(
      options.store.guarantee === 'transactional' ? options.cacheDocuments : 0,
    )
  }

  get projection(): AnyProjectionDef {
    return this.#options.projection
  }

  /** Hands over the leases held now. */
  setLeases(holding: Holding): void {
    const before = this.#state
    this.#state = withLeases(before, holding.leases, holding.expiresAt, holding.paused)
    this.#holding = holding
    // Whoever has the work now says how it goes.
    if (holding.leases.length === 0) this.#ended = undefined
    const changed =
      before.paused !== holding.paused ||
      holding.leases.length !== before.ranges.size ||
      holding.leases.some((lease) => before.ranges.get(lease.range)?.fence !== lease.fence)
    if (changed) this.#signal.wake()
  }

  /** Whoever builds a version keeps the range that it builds under: given away, it would be built a second time over it. */
  keeps({ range }: Lease): boolean {
    return this.#building && range === 0
  }

  trouble(): Trouble | undefined {
    if (this.#ended !== undefined) return { failed: true, text: this.#ended }
    return this.#waiting === undefined ? undefined : { failed: false, text: this.#waiting }
  }

  wake(): void {
    this.#pollMs = pollFirstMs
    this.#signal.wake()
  }

  status(): RunnerStatus {
    const { name, version } = this.#options.projection
    const { failure } = this.#state
    return {
      projection: name,
      version,
      state: shownState(this.#state, this.#options.clock.monotonic()),
      ranges: [...this.#state.ranges.keys()].toSorted((a, b) => a - b),
      position: lowestCheckpoint(this.#state),
      parkedKeys: this.#state.parkedKeys,
      waiting: failure === undefined ? this.#waiting : `${failure.code}: ${failure.message}`,
      lastError: this.#lastError,
    }
  }

  /** Works until `stop()`. Never throws: what goes wrong is waited out and said in the status. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#take(nextStep(this.#state, this.#options.clock.monotonic()))
        this.#failures = 0
        if (this.#state.failure === undefined && this.#waiting === undefined) this.#told = undefined
      } catch (error) {
        await this.#failed(error)
      }
    }
  }

  /** Ends `run` after what it is doing now. */
  stop(): void {
    this.#stopping = true
    this.#signal.wake()
  }

  async #take(step: WorkerStep): Promise<void> {
    if (step.kind === 'rest') {
      await this.#signal.sleep(this.#state.failure === undefined ? restMs : failedRestMs)
      // A failure may have been mended elsewhere: look again.
      if (this.#state.failure !== undefined)
        this.#state = withDoubt({ ...this.#state, failure: undefined })
    } else if (step.kind === 'inspect') {
      await this.#inspect(step.ranges)
    } else {
      await this.#lookAtParked()
      if (this.#state.atHead) await this.#keepPace()
      if (await this.#storeIsElsewhere()) return
      const page = await this.#source.read(step.after, step.slots)
      if (page.through - step.after > longestPage && (await this.#historyChanged())) return
      this.#waiting = undefined
      await this.#advance(step.ranges, page, step.after)
    }
  }

  /** Compares store and log before anything is written; builds the version first where that is due. */
  async #inspect(ranges: readonly number[]): Promise<void> {
    const { projection, store, log } = this.#options
    const found = await inspectVersion(projection, store, log, ranges)
    const plan = await this.#builder.plan(found, this.#holding)
    this.#state = { ...this.#state, rebuilding: plan.rebuilding }
    if (plan.kind === 'wait') return this.#rest(plan.why, plan.ms)
    if (plan.kind !== 'follow') {
      if (plan.kind === 'build') this.#waiting = 'building the version from the log'
      const loaded = await this.#load(found, plan.kind)
      return loaded ? undefined : this.#rest('another version is being built by this process')
    }
    this.#cache.clear()
    this.#storeLookAt = this.#options.clock.monotonic()
    this.#epoch = found.head.epoch
    const parked = new ParkedSet(found.store)
    await parked.reload()
    this.#parked = parked
    const byStream = projection.scope === 'stream' && projection.shape === 'fold'
    this.#applier = new PageApplier({
      compiled: this.#compiled,
      store: found.store,
      parked,
      cache: this.#cache,
      keySlots: byStream ? new RecentKeySlots(50_000) : undefined,
      dataFirst: this.#options.store.guarantee !== 'transactional',
      onParked: (failures) => this.#options.onProblem(parkedKeys(failures)),
    })
    this.#state = {
      ...withCheckpoints(this.#state, ranges, found.checkpoints),
      parkedKeys: parked.size,
    }
  }

  async #load(found: VersionFound, kind: 'build' | 'begin'): Promise<boolean> {
    const fence = this.#state.ranges.get(0)?.fence
    const isHeld = (): boolean => {
      const range = this.#state.ranges.get(0)
      return range?.fence === fence && range!.expiresAt > this.#options.clock.monotonic()
    }
    this.#building = true
    try {
      if (kind === 'build') return await this.#builder.build(found, this.#holding, isHeld)
      await this.#builder.begin(found, this.#holding, isHeld)
      return true
    } finally {
      this.#building = false
    }
  }

  async #rest(why: string, ms = restMs): Promise<void> {
    this.#waiting = why
    await this.#signal.sleep(ms)
  }

  /** People free parked keys: what is remembered of them is refreshed now and then. */
  async #lookAtParked(): Promise<void> {
    const now = this.#options.clock.monotonic()
    if (this.#state.parkedKeys === 0 || now - this.#parkedLookAt < parkedLookEveryMs) return
    this.#parkedLookAt = now
    await this.#parked!.reload()
    this.#state = { ...this.#state, parkedKeys: this.#parked!.size }
  }

  /** The log may have been restored to the past and come back so soon that no call failed: then all is compared anew. */
  async #historyChanged(): Promise<boolean> {
    const { epoch } = await this.#options.log.head()
    if (epoch === this.#epoch) return false
    this.#cache.clear()
    this.#state = withDoubt(this.#state)
    return true
  }

  /** A store may have gone back to an older copy. While no event comes nothing is written, and only a look tells. */
  async #storeIsElsewhere(): Promise<boolean> {
    const now = this.#options.clock.monotonic()
    if (now - this.#storeLookAt < storeLookEveryMs) return false
    this.#storeLookAt = now
    const stored = await this.#applier!.store.checkpoints()
    const elsewhere = [...this.#state.ranges.values()].some(
      ({ range, known }) => known !== undefined && stored.get(range)?.position !== known.checkpoint,
    )
    if (!elsewhere) return false
    this.#cache.clear()
    this.#state = withDoubt(this.#state)
    return true
  }

  async #advance(ranges: readonly number[], page: SourcePage, after: bigint): Promise<void> {
    const plan = this.#applier!.plan(this.#unseen(ranges, page.events))
    const relevant = plan.events.length > 0
    const now = this.#options.clock.monotonic()
    const write =
      relevant || (page.through === after && page.atHead) || now - this.#wroteAt >= passEveryMs
    const moves = movesTo(this.#state, ranges, page.through)
    if (write && moves.length > 0) {
      let written: readonly CheckpointMove[] = moves
      const done = await this.#applier!.apply(plan, () => {
        const held = this.#heldMoves(ranges, page.through, relevant)
        if (held !== undefined) written = held
        return held
      })
      if (!done) return
      this.#ended = undefined
      this.#wroteAt = this.#options.clock.monotonic()
      const moved = written.map((move) => move.range)
      this.#state = {
        ...withProgress(this.#state, moved, page.through, page.atHead, true),
        parkedKeys: this.#parked!.size,
      }
      const recordedAt = plan.events.flatMap(({ envelope }) => envelope?.at ?? [])
      this.#options.onApplied(this.projection.name, this.projection.version, written, recordedAt)
    } else {
      this.#ended = undefined
      this.#state = withProgress(this.#state, ranges, page.through, page.atHead, false)
    }
    if (page.atHead && this.#state.rebuilding) await this.#finishRebuild()
    if (page.atHead) await this.#idle(page.through === after)
  }

  async #finishRebuild(): Promise<void> {
    if (
      await this.#builder.switched(this.#applier!.store, this.#holding, {
        position: lowestCheckpoint(this.#state),
        parkedKeys: this.#state.parkedKeys,
      })
    ) {
      this.#state = { ...this.#state, rebuilding: false }
    }
  }

  /** Events that their range has not passed yet, each once: what delivers them may repeat itself. */
  #unseen(ranges: readonly number[], events: readonly RecordedEvent[]): readonly RecordedEvent[] {
    const owned = ranges.map((number) => this.#state.ranges.get(number))
    let last = -1n
    return events.filter((event) => {
      if (event.position <= last) return false
      last = event.position
      const range = owned.find(
        (one) => one !== undefined && event.slot >= one.slots.from && event.slot <= one.slots.to,
      )
      return range?.known !== undefined && event.position > range.known.scanned
    })
  }

  /** The moves if every range of the page is still held; a lease may have run out while documents were loaded. */
  #heldMoves(
    ranges: readonly number[],
    through: bigint,
    all: boolean,
  ): readonly CheckpointMove[] | undefined {
    const now = this.#options.clock.monotonic()
    const held = ranges.filter((number) => {
      const range = this.#state.ranges.get(number)
      return range?.known !== undefined && range.expiresAt > now
    })
    if (held.length < ranges.length && (all || held.length === 0)) return undefined
    return movesTo(this.#state, held, through)
  }

  /** Waits until the store likes to be written to again. Wake-ups say that there are events: they do not cut it short. */
  async #keepPace(): Promise<void> {
    const next = this.#wroteAt + (this.#options.store.writes?.paceMs ?? 0)
    const { clock } = this.#options
    for (let wait = next - clock.monotonic(); wait > 0; wait = next - clock.monotonic()) {
      if (this.#stopping) return
      await this.#signal.sleep(wait)
    }
  }

  async #idle(nothing: boolean): Promise<void> {
    const woken = await this.#signal.sleep(this.#pollMs)
    this.#pollMs = woken || !nothing ? pollFirstMs : Math.min(this.#pollMs * 2, pollLastMs)
  }

  #tell(error: unknown): void {
    const text = errorText(error)
    if (this.#told === text) return
    this.#told = text
    this.#options.onProblem(error)
  }

  async #failed(error: unknown): Promise<void> {
    this.#cache.clear()
    this.#state = withDoubt(this.#state)
    this.#lastError = errorText(error)
    if (isTailraceError(error) && endingCodes.has(error.code)) {
      this.#state = { ...this.#state, failure: { code: error.code, message: error.message } }
      this.#ended = error.message
      this.#tell(error)
      return
    }
    // Another worker or a person was there first: no trouble, look and go on. Repeated, it is waited out like any other.
    this.#failures++
    if (isTailraceError(error) && racedCodes.has(error.code) && this.#failures === 1) return
    this.#waiting = this.#lastError
    this.#tell(error)
    await this.#signal.sleep(retryDelayMs(this.#failures, this.#options.clock))
  }
}

function parkedKeys([first, ...others]: readonly ParkedFailure[]): TailraceError {
  const more = others.length === 0 ? '' : `, and ${others.length} others`
  return new TailraceError(
    'PROJECTION_HANDLER_FAILED',
    `key "${first!.key}" is parked${more}: ${first!.error}; its events wait, those of other keys go on; mend the handler, then retry or skip it`,
  )
}

const endingCodes: ReadonlySet<string> = new Set([
  'PROJECTION_DIVERGED',
  'PROJECTION_KEY_CROSSES_STREAMS',
  'EVENT_FROM_THE_FUTURE',
  'EVENT_UNKNOWN',
  'REBUILD_FAILED',
  'CONFIG',
])
const racedCodes: ReadonlySet<string> = new Set(['PROJECTION_FENCED', 'PARKED_KEY_CHANGED'])
