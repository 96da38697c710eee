import type { ProjectionState } from '../declare/client-types.ts'
import type { Freshness } from './freshness.ts'
import type { EngineStatus } from '../run/engine.ts'
import { Histogram, type HistogramValue } from './histogram.ts'
import type { MetricName } from './metric-names.ts'

export type Labels = Readonly<Record<string, string>>

export type Metric =
  | { readonly name: MetricName; readonly labels: Labels; readonly value: number }
  | { readonly name: MetricName; readonly labels: Labels; readonly histogram: HistogramValue }

export const states: readonly ProjectionState[] = [
  'not-started',
  'catching-up',
  'live',
  'rebuilding',
  'paused',
  'parked',
  'unowned',
  'failed',
]

/** What the read path counts and measures. Constant memory per projection. */
export class ReadMetrics {
  readonly #staleness = new Histogram()
  readonly #waits = new Map<string, Histogram>()
  readonly #visible = new Map<string, Histogram>()
  readonly #events = new Map<string, number>()

  /** An answer went out with this lag. */
  answered(lagMs: number): void {
    this.#staleness.observe(lagMs / 1_000)
  }

  /** A query has waited for freshness. */
  waited(outcome: 'reached' | 'timeout' | 'aborted', ms: number): void {
    histogramOf(this.#waits, outcome).observe(ms / 1_000)
  }

  /** A worker of this process applied so many events. */
  applied(projection: string, events: number): void {
    this.#events.set(projection, (this.#events.get(projection) ?? 0) + events)
  }

  /** Events became visible at `nowMs` of the database; `atMs` are the times at which they were recorded. */
  becameVisible(projection: string, atMs: readonly number[], nowMs: number): void {
    if (atMs.length === 0) return
    const histogram = histogramOf(this.#visible, projection)
    for (const at of atMs) histogram.observe(Math.max(0, nowMs - at) / 1_000)
  }

  /** Everything, with the gauges as the poller last saw them; states as the status says them, by projection. */
  snapshot(freshness: Freshness, status: EngineStatus['projections']): Metric[] {
    return [
      ...logMetrics(freshness),
      ...[...freshness.watches].flatMap((watch) =>
        projectionMetrics(freshness, watch.projection.name, status),
      ),
      ...[...this.#events].map(([projection, value]): Metric => ({
        name: 'cqrs_projection_events_total',
        labels: { projection, result: 'applied' },
        value,
      })),
      ...[...this.#visible].map(([projection, one]): Metric => ({
        name: 'cqrs_commit_to_visible_seconds',
        labels: { projection },
        histogram: one.value(),
      })),
      { name: 'cqrs_query_staleness_seconds', labels: {}, histogram: this.#staleness.value() },
      ...[...this.#waits].map(([outcome, one]): Metric => ({
        name: 'cqrs_consistency_wait_seconds',
        labels: { outcome },
        histogram: one.value(),
      })),
      { name: 'cqrs_consistency_waiters', labels: {}, value: freshness.waiters.size },
    ]
  }
}

function histogramOf(map: Map<string, Histogram>, key: string): Histogram {
  const histogram = map.get(key) ?? new Histogram()
  map.set(key, histogram)
  return histogram
}

function logMetrics({ head }: Freshness): Metric[] {
  const reachable: Metric = {
    name: 'cqrs_log_reachable',
    labels: {},
    value: head.failure === undefined ? 1 : 0,
  }
  const { seen } = head
  if (seen === undefined) return [reachable]
  const oldest =
    seen.unsequenced > 0 && seen.oldestUnsequencedAtMs !== undefined
      ? Math.max(0, head.nowMs() - seen.oldestUnsequencedAtMs)
      : 0
  return [
    reachable,
    { name: 'cqrs_log_head_position', labels: {}, value: Number(head.position) },
    { name: 'cqrs_outbox_events', labels: {}, value: seen.unsequenced },
    { name: 'cqrs_outbox_oldest_seconds', labels: {}, value: oldest / 1_000 },
    {
      name: 'cqrs_oldest_transaction_seconds',
      labels: {},
      value: (seen.oldestTransaction?.ageMs ?? 0) / 1_000,
    },
  ]
}

function projectionMetrics(
  freshness: Freshness,
  projection: string,
  said: EngineStatus['projections'],
): Metric[] {
  const view = freshness.view(projection)
  const { state } = said[projection] ?? view
  const gauge = (name: MetricName, value: number, labels: Labels = {}): Metric => ({
    name,
    labels: { projection, ...labels },
    value,
  })
  return [
    gauge('cqrs_projection_lag_seconds', view.lagMs / 1_000),
    gauge('cqrs_projection_lag_events', view.lagEvents),
    ...Object.entries(view.parts).map(([part, ms]) =>
      gauge('cqrs_projection_lag_part_seconds', ms / 1_000, { part }),
    ),
    gauge('cqrs_projection_position', Number(view.position ?? 0n)),
    ...states.map((status) =>
      gauge('cqrs_projection_status', state === status ? 1 : 0, { status }),
    ),
    gauge('cqrs_projection_slo_seconds', view.sloMs / 1_000),
    gauge('cqrs_dead_letters', view.parkedKeys),
  ]
}
