import type { App } from '../declare/app.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { LeaseStore } from '../ports/leases.ts'
import type { CheckpointMove, ReadStore } from '../ports/read-store.ts'
import type { RunnerStatus } from '../project/projection-runner.ts'
import type { CommandStatus, Engine } from '../run/engine.ts'
import type { KnownCommand } from '../write/executor.ts'
import { commandProgress } from './command-progress.ts'
import { Freshness } from './freshness.ts'
import { ReadMetrics } from './metrics.ts'
import { prometheusText } from './prometheus-text.ts'
import { QueryRunner } from './query-runner.ts'
import { engineStatus } from './status.ts'
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
}

/** Everything that answers: queries, freshness, status, metrics. */
export interface ReadPath extends Pick<Engine, 'query' | 'status' | 'onAdvance'> {
  /** The state of a command with what each projection shows of it. */
  commandStatus(known: KnownCommand): Promise<CommandStatus>
  /** A worker of this process moved checkpoints. */
  applied(projection: string, version: number, moves: readonly CheckpointMove[]): void
  /** The text of `/metrics`. */
  metricsText(): string
  close(): Promise<void>
}

/** Opens the read path and takes a first look at stores and log. Never throws: what does not answer is said in answers. */
export async function openReadPath(options: ReadPathOptions): Promise<ReadPath> {
  const { app, stores, log, leases, clock } = options
  const freshness = new Freshness({ app, log, leases, stores, clock })
  const tokens = new TokenPositions({ log, clock, head: freshness.head })
  const metrics = new ReadMetrics()
  const runner = new QueryRunner({ app, freshness, tokens, metrics })
  await freshness.start()
  return {
    query: (name, input, call) => runner.query(name, input, call),
    status: () => Promise.resolve(engineStatus(freshness, options.workers())),
    onAdvance: (listener) => freshness.onAdvance(listener),
    commandStatus: async (known) => statusOf(app, freshness, log, known),
    applied: (projection, version, moves) => freshness.applied(projection, version, moves),
    metricsText: () => prometheusText(metrics.snapshot(freshness)),
    close: () => freshness.stop(),
  }
}

async function statusOf(
  app: App,
  freshness: Freshness,
  log: EventLog,
  known: KnownCommand,
): Promise<CommandStatus> {
  const { commandId, name, aggregateId, state } = known
  if (state !== 'committed' && state !== 'rejected')
    return { commandId, name, aggregateId, state, projections: {} }
  const resolved = (await log.resolve([known.xid]))[0]
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
