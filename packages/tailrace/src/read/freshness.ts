import type { App } from '../declare/app.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { LeaseStatus, LeaseStore } from '../ports/leases.ts'
import type { CheckpointMove, ReadStore } from '../ports/read-store.ts'
import { historyText } from '../project/inspect-version.ts'
import { WakeSignal } from '../project/wake-signal.ts'
import { TailraceError } from '../errors.ts'
import { HeadWatch } from './head-watch.ts'
import { ProjectionWatch } from './projection-watch.ts'
import type { ProjectionView } from './projection-view.ts'
import { ViewCache, type Checkpoints } from './view-cache.ts'
import { Waiters, type WaitOutcome } from './waiters.ts'
import { within } from './within.ts'

export interface FreshnessOptions {
  readonly app: App
  readonly log: EventLog
  readonly leases: LeaseStore
  /** By projection name. */
  readonly stores: Readonly<Record<string, ReadStore>>
  readonly clock: Clock
  /** Queries that may wait at once. Default: 10,000. */
  readonly maxWaiters?: number | undefined
}

type AdvanceListener = (projection: string, position: bigint) => void

const headActiveMs = 100
const headIdleMs = 1_000
/** Looking at the log takes the write database at most one part in so many of its time: the log may be slow to tell. */
const headRestFactor = 9
/** A read model is looked at this often while someone waits for it, and when a worker of this process tells of its moves anyway. */
const waitingMs = 10
const waitingToldMs = 50
const restingMs = 200
const leasesEveryMs = 1_000
/** Queries keep the faster looks going for so long. */
const activeForMs = 2_000
const answerMs = 2_000

/**
 * How fresh every projection is: one poller per process, shared by all queries. It alone asks the write database; when that does
 * not answer, queries go on with what was last seen, and its age counts as lag.
 */
export class Freshness {
  readonly clock: Clock
  readonly waiters: Waiters
  readonly head: HeadWatch
  readonly #leases: LeaseStore
  readonly #views: ViewCache
  readonly #watches: ReadonlyMap<string, ProjectionWatch>
  readonly #headSignal: WakeSignal
  readonly #storeSignal: WakeSignal
  readonly #listeners = new Set<AdvanceListener>()
  readonly #shown = new Map<string, bigint>()
  #lastLeases: readonly LeaseStatus[] | undefined
  #leasesAt = Number.NEGATIVE_INFINITY
  #headTookMs = 0
  #queriedAt = Number.NEGATIVE_INFINITY
  #stopped = false
  #running: Promise<unknown> | undefined

  constructor(options: FreshnessOptions) {
    const { app, log, leases, stores, clock } = options
    this.clock = clock
    this.#leases = leases
    this.waiters = new Waiters({ clock, max: options.maxWaiters ?? 10_000 })
    this.#headSignal = new WakeSignal(clock)
    this.#storeSignal = new WakeSignal(clock)
    this.head = new HeadWatch({ log, clock, positions: () => this.#positions() })
    this.#views = new ViewCache(this.head, clock)
    const history = (): string => historyText(this.head.identity)
    this.#watches = new Map(
      [...app.projections.values()].map((projection) => {
        const store = stores[projection.name]
        if (store === undefined)
          throw new TailraceError(
            'CONFIG',
            `expected a store for projection "${projection.name}", got none; add it to stores`,
          )
        return [
          projection.name,
          new ProjectionWatch({
            projection,
            store,
            clock,
            history,
            onMove: (watch) => this.#moved(watch),
          }),
        ]
      }),
    )
  }

  /** Takes a first look, and keeps looking until `stop`. Never throws: what does not answer is said in the views. */
  async start(): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.look()))
    await this.#lookAtLog()
    this.#running ??= Promise.all([this.#watchLog(), this.#watchStores()])
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#headSignal.wake()
    this.#storeSignal.wake()
    await this.#running
  }

  /** What is known of a projection; with the checkpoints of a snapshot, of that snapshot. Throws `PROJECTION_UNKNOWN`. */
  view(name: string, checkpoints?: Checkpoints): ProjectionView {
    return this.#views.view(this.watch(name), checkpoints)
  }

  /** Throws `PROJECTION_UNKNOWN`. */
  watch(name: string): ProjectionWatch {
    const watch = this.#watches.get(name)
    if (watch === undefined)
      throw new TailraceError(
        'PROJECTION_UNKNOWN',
        `expected a projection of the app, got "${name}"`,
      )
    return watch
  }

  get watches(): Iterable<ProjectionWatch> {
    return this.#watches.values()
  }

  /** All leases as last seen; undefined before. */
  get leases(): readonly LeaseStatus[] | undefined {
    return this.#lastLeases
  }

  /** A query came: while they do, everything is looked at more often. */
  queried(): void {
    const idle = this.clock.monotonic() - this.#queriedAt > activeForMs
    this.#queriedAt = this.clock.monotonic()
    if (idle) this.#headSignal.wake()
  }

  /** A worker of this process has written: what it says needs no look. */
  applied(projection: string, version: number, moves: readonly CheckpointMove[]): void {
    for (const { to } of moves) this.head.told(to)
    const known = this.#watches.get(projection)?.told(version, moves)
    if (known === false) this.#lookAtLeasesSoon()
  }

  /** Waits until a projection shows a position. Throws `TOO_MANY_WAITERS`. */
  wait(
    projection: string,
    slots: readonly number[],
    position: bigint,
    deadline: number,
    signal?: AbortSignal,
  ): Promise<WaitOutcome> {
    const visible = this.watch(projection).visible(slots)
    if (visible !== undefined && visible >= position) return Promise.resolve('reached')
    const outcome = this.waiters.wait({ projection, slots, position, deadline, signal })
    this.#storeSignal.wake()
    return outcome
  }

  /** Calls back when the visible position of a projection has moved. Returns the unsubscriber. */
  onAdvance(listener: AdvanceListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #moved(watch: ProjectionWatch): void {
    const { name } = watch.projection
    this.waiters.advance(name, (slots) => watch.visible(slots))
    const visible = watch.visible()
    if (visible === undefined || visible === this.#shown.get(name)) return
    this.#shown.set(name, visible)
    for (const listener of this.#listeners) listener(name, visible)
  }

  #positions(): bigint[] {
    return [...this.#watches.values()].flatMap((watch) => [
      watch.applied() ?? 0n,
      watch.visible() ?? 0n,
    ])
  }

  async #watchLog(): Promise<void> {
    while (!this.#stopped) {
      await this.#headSignal.sleep(this.#headPauseMs())
      if (!this.#stopped) await this.#lookAtLog()
    }
  }

  /** Behind or asked: often. A silent log is not asked more often than an idle one. */
  #headPauseMs(): number {
    if (this.head.failure !== undefined) return headIdleMs
    const active = this.clock.monotonic() - this.#queriedAt < activeForMs || this.waiters.size > 0
    const seen = this.head.seen
    const behind =
      seen === undefined ||
      seen.unsequenced > 0 ||
      [...this.#watches.values()].some((watch) => (watch.visible() ?? 0n) < seen.position)
    const least = active || behind ? headActiveMs : headIdleMs
    return Math.min(headIdleMs, Math.max(least, headRestFactor * this.#headTookMs))
  }

  async #lookAtLog(): Promise<void> {
    const began = this.clock.monotonic()
    await this.head.look()
    this.#headTookMs = this.clock.monotonic() - began
    if (this.head.failure === undefined && this.clock.monotonic() - this.#leasesAt >= leasesEveryMs)
      await this.#lookAtLeases()
    if ([...this.#watches.values()].some((watch) => watch.foreign)) await this.head.lookAtEpochs()
  }

  async #lookAtLeases(): Promise<void> {
    this.#leasesAt = this.clock.monotonic()
    let leases: readonly LeaseStatus[]
    try {
      leases = await within(this.clock, answerMs, 'the lease store', this.#leases.list())
    } catch {
      // The head says that the write database does not answer; the last leases stay.
      return
    }
    this.#lastLeases = leases
    for (const watch of this.#watches.values()) watch.takeLeases(leases)
  }

  #lookAtLeasesSoon(): void {
    this.#leasesAt = Number.NEGATIVE_INFINITY
    this.#headSignal.wake()
  }

  /** Never waits for a store: one that hangs must not hold the others up. */
  async #watchStores(): Promise<void> {
    while (!this.#stopped) {
      const now = this.clock.monotonic()
      let pause = restingMs
      for (const watch of this.#watches.values()) {
        if (this.waiters.waitingFor(watch.projection.name) > 0) watch.show()
        const every = this.#storePauseMs(watch, now)
        const due = watch.lookedAt + every
        if (due <= now) void this.#lookAtStore(watch)
        pause = Math.min(pause, due <= now ? every : due - now)
      }
      await this.#storeSignal.sleep(Math.max(1, pause))
    }
  }

  async #lookAtStore(watch: ProjectionWatch): Promise<void> {
    const version = watch.version
    await watch.look()
    if (watch.version !== version) this.#lookAtLeasesSoon()
  }

  #storePauseMs(watch: ProjectionWatch, now: number): number {
    if (this.waiters.waitingFor(watch.projection.name) === 0) return restingMs
    return now - watch.toldAt < restingMs ? waitingToldMs : waitingMs
  }
}
