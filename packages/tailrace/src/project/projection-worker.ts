import type { AnyProjectionDef } from '../declare/projection.ts'
import { BusTail, type BusSourceStatus } from '../bus/bus-tail.ts'
import type { DoubtSettings } from '../bus/bus-window.ts'
import type { Bus } from '../ports/bus.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { LeaseStore } from '../ports/leases.ts'
import type { CheckpointMove, ReadStore } from '../ports/read-store.ts'
import { batchLimits, type BatchLimits } from './batch-size.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { BuildTurns, buildLimits, type BuildLimits } from './version-builder.ts'
import { LogTail, type Tail } from './log-tail.ts'
import { ProjectionRunner, type RunnerStatus } from './projection-runner.ts'

export interface ProjectionWorkerOptions {
  readonly projections: readonly {
    readonly projection: AnyProjectionDef
    readonly store: ReadStore
  }[]
  readonly log: EventLog
  readonly leases: LeaseStore
  readonly clock: Clock
  /** Brings the events of the log. Default: none; they are read from the log. It is not closed with the worker. */
  readonly bus?: Bus | undefined
  /** When the log is read although there is a bus. */
  readonly doubt?: Partial<DoubtSettings>
  /** Unique among running workers. Default: a new uuid. */
  readonly owner?: string
  /** Slot ranges of a projection of scope 'stream', set when it first runs. Default: 4. */
  readonly ranges?: number
  /** How long a lease lasts without renewal. Default: 10,000. */
  readonly leaseTtlMs?: number
  readonly limits?: Partial<BatchLimits>
  /** Documents kept in memory per projection. Default: 2,000. */
  readonly cacheDocuments?: number
  /** How new versions are built from the log. */
  readonly build?: Partial<BuildLimits>
  /** Event types of the log that nobody here knows: while there are some, no version begins. Default: there are none. */
  readonly unknownTypes?: () => Promise<readonly string[]>
  /**
   * Called after checkpoints were written, with the times (RFC 3339) at which the events of the batch were recorded:
   * freshness in the same process needs no poll.
   */
  readonly onApplied?: (
    projection: string,
    version: number,
    moves: readonly CheckpointMove[],
    recordedAt: readonly string[],
  ) => void
  /** Told of troubles of projections, each once while it lasts, and of keys that are parked. Default: nobody is. */
  readonly onProblem?: (projection: string, error: unknown) => void
}

/** The projections of one process. Other processes may run the same ones: they share the slots. */
export interface ProjectionWorker {
  readonly owner: string
  /** Says that the log has grown. A hint: without it, the worker polls. */
  wake(): void
  status(): readonly RunnerStatus[]
  /** How the bus does as the source of events; undefined without one. */
  busStatus(): BusSourceStatus | undefined
  /** Finishes the batches in hand and gives the leases up. May be called twice. */
  stop(): Promise<void>
}

/** Starts to keep read models up to date. Returns at once; what goes wrong is waited out and said in the status. */
export function startProjectionWorker(options: ProjectionWorkerOptions): ProjectionWorker {
  const owner = options.owner ?? options.clock.uuid()
  const types = options.projections.flatMap(({ projection }) => Object.keys(projection.on))
  const { log, bus, clock } = options
  const grown = (): void => {
    for (const runner of runners) runner.wake()
  }
  const wanted = [...new Set(types)]
  const busTail =
    bus === undefined
      ? undefined
      : new BusTail({
          bus,
          log,
          types: wanted,
          clock,
          onGrown: grown,
          settings: options.doubt ?? {},
        })
  const tail: Tail = busTail ?? new LogTail(log, wanted, clock)
  const turns = new BuildTurns()
  const runners: readonly ProjectionRunner[] = options.projections.map(
    ({ projection, store }) =>
      new ProjectionRunner({
        projection,
        store,
        log: options.log,
        tail,
        clock: options.clock,
        limits: { ...batchLimits, ...store.writes?.limits, ...options.limits },
        cacheDocuments: options.cacheDocuments ?? 2_000,
        build: { ...buildLimits, ...options.build },
        turns,
        unknownTypes: options.unknownTypes ?? (async () => []),
        onApplied: options.onApplied ?? (() => undefined),
        onProblem: (error) => options.onProblem?.(projection.name, error),
      }),
  )
  const keeper = new LeaseKeeper({
    owner,
    leases: options.leases,
    clock: options.clock,
    holders: runners,
    ranges: options.ranges ?? 4,
    ttlMs: options.leaseTtlMs ?? 10_000,
  })
  const running = Promise.all([keeper.run(), ...runners.map((runner) => runner.run())])
  let stopped: Promise<void> | undefined
  return {
    owner,
    wake() {
      tail.wake()
      // What a bus brings wakes them when it is here.
      if (busTail === undefined) grown()
    },
    status: () => runners.map((runner) => runner.status()),
    busStatus: () => busTail?.status(),
    stop() {
      stopped ??= (async () => {
        keeper.stop()
        for (const runner of runners) runner.stop()
        await running
        await busTail?.close()
        await keeper.release()
      })()
      return stopped
    },
  }
}
