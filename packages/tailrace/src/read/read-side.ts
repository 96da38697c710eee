import type { CommandRecord } from '../ports/write-store.ts'
import type { CheckpointMove } from '../ports/read-store.ts'
import type { RunnerStatus } from '../project/projection-runner.ts'
import type { CommandStatus, EngineStatus, QueryOptions, QueryOutcome } from '../run/engine.ts'
import { commandProgress } from './command-progress.ts'
import { Freshness, type FreshnessOptions } from './freshness.ts'
import { ReadMetrics, type Metric } from './metrics.ts'
import { QueryRunner } from './query-runner.ts'
import { engineStatus } from './status.ts'
import { TokenPositions } from './token-positions.ts'

export interface ReadSideOptions extends FreshnessOptions {
  /** How long a query may run, after its waiting. Default: 30,000. */
  readonly runMs?: number
  /** What the workers of this process say; shown in the status. */
  readonly workers?: () => readonly RunnerStatus[]
}

/** Everything between read stores and callers: freshness, tokens, queries, status, metrics. One per process. */
export class ReadSide {
  readonly freshness: Freshness
  readonly tokens: TokenPositions
  readonly #options: ReadSideOptions
  readonly #queries: QueryRunner
  readonly #metrics = new ReadMetrics()

  constructor(options: ReadSideOptions) {
    this.#options = options
    this.freshness = new Freshness(options)
    this.tokens = new TokenPositions({
      log: options.log,
      clock: options.clock,
      head: this.freshness.head,
      ...pick(options.maxWaiters),
    })
    this.#queries = new QueryRunner({
      app: options.app,
      freshness: this.freshness,
      tokens: this.tokens,
      metrics: this.#metrics,
      ...(options.runMs === undefined ? {} : { runMs: options.runMs }),
    })
  }

  /** Takes a first look at log and stores, and keeps looking. Never throws. */
  start(): Promise<void> {
    return this.freshness.start()
  }

  stop(): Promise<void> {
    return this.freshness.stop()
  }

  query(name: string, input: unknown, options?: QueryOptions): Promise<QueryOutcome> {
    return this.#queries.query(name, input, options)
  }

  status(): EngineStatus {
    return engineStatus(this.freshness, this.#options.workers?.())
  }

  /** For the worker's `onApplied`: what it wrote, and when the events of it were recorded (RFC 3339). */
  applied(
    projection: string,
    version: number,
    moves: readonly CheckpointMove[],
    recordedAt: readonly string[] = [],
  ): void {
    this.freshness.applied(projection, version, moves)
    if (recordedAt.length > 0)
      this.#metrics.becameVisible(
        projection,
        recordedAt.map(Date.parse),
        this.freshness.head.nowMs(),
      )
  }

  /** How far each projection is with a recorded command. Waits for nothing but one question to the log. */
  async progressOf(
    record: CommandRecord,
  ): Promise<Pick<CommandStatus, 'position' | 'projections'>> {
    const { app, clock } = this.#options
    const place =
      record.state === 'rejected' ? 0n : await this.tokens.resolve(record.xid, clock.monotonic())
    const position = typeof place === 'bigint' ? place : undefined
    const { commandId, name, aggregateId, slots } = record
    const projections = await commandProgress(app, this.freshness, {
      commandId,
      name,
      aggregateId,
      position,
      slots,
    })
    return {
      projections,
      ...(position === undefined || position === 0n ? {} : { position: String(position) }),
    }
  }

  metrics(): Metric[] {
    return this.#metrics.snapshot(this.freshness)
  }
}

function pick(maxWaiters: number | undefined): { readonly maxWaiters?: number } {
  return maxWaiters === undefined ? {} : { maxWaiters }
}
