import type { AnyProjectionDef } from '../declare/projection.ts'
import { isTailraceError, TailraceError } from '../errors.ts'
import { unknownError } from '../log/unknown-error.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { ProjectionStore, ReadStore } from '../ports/read-store.ts'
import type { VersionFound } from './inspect-version.ts'
import type { Holding } from './lease-keeper.ts'
import { buildVersion } from './rebuild.ts'
import { hasReached } from './version-switch.ts'

export interface BuildLimits {
  /** A version that has not started is built in bulk when the log is at least this long; else it just follows. Default: 10,000. */
  readonly fromEvents: number
  /** Estimated bytes of documents held in memory at once. Default: 128 MiB. */
  readonly memoryBytes: number
  /** A new version with more parked keys is not given to the readers of an older one. Default: 100. */
  readonly parkedMax: number
}

export const buildLimits: BuildLimits = {
  fromEvents: 10_000,
  memoryBytes: 128 * 1024 * 1024,
  parkedMax: 100,
}

function assertHeld({ name }: AnyProjectionDef, isHeld: () => boolean): void {
  if (isHeld()) return
  throw new TailraceError(
    'PROJECTION_FENCED',
    `expected to hold the first range of projection "${name}" until it is built, got its end; another worker builds it`,
    { retryable: true },
  )
}

/** The builds of one process: one at a time, since each may fill the memory that is meant for builds. */
export class BuildTurns {
  #taken = false

  /** Whether a build may begin now; it must be ended with `end`. */
  begin(): boolean {
    if (this.#taken) return false
    this.#taken = true
    return true
  }

  end(): void {
    this.#taken = false
  }
}

export interface VersionBuilderOptions {
  readonly projection: AnyProjectionDef
  readonly store: ReadStore
  readonly log: EventLog
  readonly clock: Clock
  readonly build: BuildLimits
  readonly turns: BuildTurns
  /** Event types of the log that nobody here knows. */
  readonly unknownTypes: () => Promise<readonly string[]>
}

/** What to do about a version that was found; `rebuilding`: readers are still on an older one. */
export type BuildPlan =
  | { readonly kind: 'follow'; readonly rebuilding: boolean }
  | { readonly kind: 'build' | 'begin'; readonly rebuilding: boolean }
  | {
      readonly kind: 'wait'
      readonly rebuilding: boolean
      readonly why: string
      /** Look again after so long. */
      readonly ms: number
    }

const switchLookEveryMs = 250
const builtLookEveryMs = 500
const begunLookEveryMs = 20

/**
 * Brings a new version of a projection up beside the old one: built in bulk by the worker that holds the first range, then
 * followed like any other by all, and given to the readers when every range has caught up.
 *
 * All ranges of a fold begin at once, by a load: of the log so far, or of nothing where following is soon done. A load empties
 * the version first, so no batch may write to it before its checkpoints stand: a worker that began to follow while
 * another one came to load would lose what it had written.
 */
export class VersionBuilder {
  readonly #options: VersionBuilderOptions
  #refused = false
  #lookedAt = Number.NEGATIVE_INFINITY
  #mark: bigint | undefined

  constructor(options: VersionBuilderOptions) {
    this.#options = options
  }

  /** Throws `EVENT_UNKNOWN` for a version that would begin without events that nobody here knows. */
  async plan(found: VersionFound, holding: Holding): Promise<BuildPlan> {
    const { projection, store, build } = this.#options
    if (found.checkpoints.size === 0) await this.#assertKnown()
    const isNew = projection.shape === 'fold' && found.checkpoints.size === 0
    const bulk = found.head.position >= BigInt(build.fromEvents) && !this.#refused
    if (isNew && holding.leases.some((lease) => lease.range === 0))
      return { kind: bulk ? 'build' : 'begin', rebuilding: bulk }
    if (isNew)
      return {
        kind: 'wait',
        rebuilding: bulk,
        why: `the version is being ${bulk ? 'built' : 'begun'} by the worker of its first range`,
        ms: bulk ? builtLookEveryMs : begunLookEveryMs,
      }
    let live = await store.liveVersion(projection.name)
    if (live === undefined) {
      // Of two versions that find none at the same moment, one is made live, and the other one comes up beside it.
      await store.switchTo(projection.name, projection.version, 'none')
      live = await store.liveVersion(projection.name)
    }
    return { kind: 'follow', rebuilding: live !== undefined && live < projection.version }
  }

  async #assertKnown(): Promise<void> {
    const types = await this.#options.unknownTypes()
    if (types.length > 0) throw unknownError(types)
  }

  /** Begins every range of the version at the start of the log, with nothing in it. Throws `PROJECTION_FENCED`. */
  begin(found: VersionFound, holding: Holding, isHeld: () => boolean): Promise<void> {
    return this.#load(found, holding, isHeld, 0n)
  }

  /**
   * Builds the version up to the head that was found. Where its documents cannot be loaded in bulk, it will follow from
   * the start. False when another build of this process is under way: try again later. Throws `PROJECTION_FENCED` once
   * the first range is no longer held.
   */
  async build(found: VersionFound, holding: Holding, isHeld: () => boolean): Promise<boolean> {
    const { turns } = this.#options
    if (!turns.begin()) return false
    try {
      await this.#load(found, holding, isHeld, found.head.position)
      return true
    } finally {
      turns.end()
    }
  }

  async #load(
    found: VersionFound,
    holding: Holding,
    isHeld: () => boolean,
    through: bigint,
  ): Promise<void> {
    const { projection, store, log, build } = this.#options
    const opened = await this.#empty(found)
    const fences = new Map(holding.leases.map((lease) => [lease.range, lease.fence]))
    // Ranges of other workers start under a fence that is below any of theirs.
    const ranges = holding.all.map(({ range, slots }) => ({
      range,
      slots,
      fence: fences.get(range) ?? 0n,
    }))
    try {
      await buildVersion({
        projection,
        store: opened,
        log,
        ranges,
        through,
        memoryBytes: build.memoryBytes,
        deletions: store.guarantee !== 'transactional',
        onProgress: () => assertHeld(projection, isHeld),
      })
    } catch (error) {
      // It has checkpoints: left as it is, it would be followed and given to readers.
      if (isTailraceError(error) && error.code === 'REBUILD_FAILED')
        await store.drop(projection.name, projection.version)
      if (isTailraceError(error) && error.code !== 'DOCUMENT_UNSTORABLE') throw error
      this.#refused = true
      throw error
    }
    await store.switchTo(projection.name, projection.version, 'none')
  }

  /** A build that ended early may have left parked keys: the version is made anew. */
  async #empty(found: VersionFound): Promise<ProjectionStore> {
    const { projection, store } = this.#options
    if ((await found.store.parked(undefined, 1)).length === 0) return found.store
    await store.drop(projection.name, projection.version)
    return store.open(projection, `${found.head.systemId}/${found.head.epoch}`)
  }

  /**
   * Gives the version to the readers once every range has passed where this worker stood at the last look.
   * Whether readers are on this version (or a later one) now. Throws `REBUILD_FAILED` when too many of its keys are parked.
   */
  async switched(
    opened: ProjectionStore,
    holding: Holding,
    {
      position,
      parkedKeys,
    }: { readonly position: bigint | undefined; readonly parkedKeys: number },
  ): Promise<boolean> {
    const { projection, store, clock, build } = this.#options
    const now = clock.monotonic()
    if (now - this.#lookedAt < switchLookEveryMs) return false
    this.#lookedAt = now
    const live = await store.liveVersion(projection.name)
    if (live !== undefined && live >= projection.version) return true
    const mark = this.#mark
    this.#mark = position
    if (mark === undefined || !holding.leases.some((lease) => lease.range === 0)) return false
    if (!hasReached(await opened.checkpoints(), holding.all.length, mark)) return false
    if (live !== undefined && parkedKeys > build.parkedMax)
      throw tooManyParked(projection, live, parkedKeys, build.parkedMax)
    return store.switchTo(projection.name, projection.version, live ?? 'none')
  }
}

function tooManyParked(
  { name, version }: AnyProjectionDef,
  live: number,
  parked: number,
  most: number,
): TailraceError {
  return new TailraceError(
    'REBUILD_FAILED',
    `expected up to ${most} parked keys in version ${version} of projection "${name}", got ${parked}: readers stay on version ${live}; mend its handlers and release a higher version, settle the keys, or raise worker.build.parkedMax`,
  )
}
