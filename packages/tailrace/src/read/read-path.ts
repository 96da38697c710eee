import type { App } from '../declare/app.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { LeaseStore } from '../ports/leases.ts'
import type { CheckpointMove, ReadStore } from '../ports/read-store.ts'
import { busMetrics, type BusReport } from '../bus/bus-report.ts'
import type { RunnerStatus } from '../project/projection-runner.ts'
import type { CommandStatus, Engine, EngineStatus } from '../run/engine.ts'
import type { KnownCommand } from '../write/executor.ts'
import { commandProgress } from './command-progress.ts'
import { effectMetrics } from './effect-metrics.ts'
import type { EffectsWatch } from './effects-watch.ts'
import { Freshness } from './freshness.ts'
import { ReadMetrics, type Metric } from './metrics.ts'
import { prometheusText } from './prometheus-text.ts'
import { QueryRunner } from './query-runner.ts'
import { engineStatus } from './status.ts'
import { VisibleEvents } from './visible-events.ts'
import { TokenPositions } from './token-positions.ts'

export interface ReadPathOptions {
  readonly app: App
  /** By projection name. */
  readonly stores: Readonly<Record<string, ReadStore>>
  readonly log: EventLog
  readonly leases: LeaseStore
  readonly clock: Clock
  /** What the workers of this process say of themselves. */
  readonly workers: () => readonly RunnerStatus[]
  /** What this process says of its bus; undefined without one. */
  readonly bus?: () => BusReport | undefined
  /** Reactors and timers; absent: none are shown. */
  readonly effects?: EffectsWatch | undefined
  /** Queries that may wait at once. Default: 10,000. */
  readonly maxWaiters?: number | undefined
  /** How long a query may run, after its waiting. Default: 30,000. */
  readonly runMs?: number | undefined
}

/** Everything that answers: queries, freshness, status, metrics. */
export interface ReadPath extends Pick<Engine, 'query' | 'status' | 'onAdvance'> {
  /** The state of a command with what each projection shows of it. */
  commandStatus(known: KnownCommand): Promise<CommandStatus>
  /** A worker of this process moved checkpoints; the times at which the events in between were recorded, RFC 3339. */
  applied(
    projection: string,
    version: number,
    moves: readonly CheckpointMove[],
    recordedAt?: readonly string[],
  ): void
  /** The text of `/metrics`, with what others of this process measure. */
  metricsText(others?: readonly Metric[]): string
  close(): Promise<void>
}

/** Opens the read path and takes a first look at stores and log. Never throws: what does not answer is said in answers. */
export async function openReadPath(options: ReadPathOptions): Promise<ReadPath> {
  const { app, log, clock, maxWaiters } = options
  const freshness = new Freshness(options)
  const tokens = new TokenPositions({ log, clock, head: freshness.head, maxWaiters })
  const metrics = new ReadMetrics()
  const visible = new VisibleEvents(freshness, metrics)
  const runner = new QueryRunner({ app, freshness, tokens, metrics, runMs: options.runMs })
  await freshness.start()
  const status = (): EngineStatus =>
    engineStatus(freshness, options.workers(), options.bus?.(), options.effects)
  return {
    query: (name, input, call) => runner.query(name, input, call),
    async status({ asSeen = false } = {}) {
      if (!asSeen) await options.effects?.look()
      return status()
    },
    onAdvance: (listener) => freshness.onAdvance(listener),
    commandStatus: async (known) => statusOf(app, freshness, tokens, known),
    applied(projection, version, moves, recordedAt = []) {
      freshness.applied(projection, version, moves)
      visible.applied(projection, version, moves, recordedAt)
    },
    metricsText(others = []) {
      // For the next time: this text is made of what was seen.
      void options.effects?.look()
      const seen = status()
      const bus = options.bus?.()
      const more = bus === undefined ? [] : busMetrics(bus, freshness.head.position)
      return prometheusText([
        ...metrics.snapshot(freshness, seen.projections),
        ...effectMetrics(seen),
        ...more,
        ...others,
      ])
    },
    close: () => freshness.stop(),
  }
}

async function statusOf(
  app: App,
  freshness: Freshness,
  tokens: TokenPositions,
  known: KnownCommand,
): Promise<CommandStatus> {
  const { commandId, name, aggregateId, state } = known
  if (state !== 'committed' && state !== 'rejected')
    return { commandId, name, aggregateId, state, projections: {} }
  const resolved = await tokens.resolve(known.xid, freshness.clock.monotonic())
  const position = typeof resolved === 'bigint' ? resolved : undefined
  const trace = { commandId, name, aggregateId, position, slots: known.slots }
  return {
    commandId,
    name,
    aggregateId,
    state,
    version: known.version,
    ...(position === undefined || position === 0n ? {} : { position: String(position) }),
    ...(known.rejection === undefined
      ? {}
      : { rejection: { code: known.rejection.code, detail: known.rejection.detail } }),
    projections: state === 'rejected' ? {} : await commandProgress(app, freshness, trace),
  }
}
