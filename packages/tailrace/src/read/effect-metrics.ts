import type { ReactorCounts } from '../log/reactor-runner.ts'
import type { EngineStatus } from '../run/engine.ts'
import type { MetricName } from './metric-names.ts'
import { states, type Labels, type Metric } from './metrics.ts'

/** Reactors and timers, as the status says them. */
export function effectMetrics({ reactors, timers }: EngineStatus): Metric[] {
  const ofReactors = Object.entries(reactors).flatMap(([reactor, seen]): Metric[] => {
    const gauge = (name: MetricName, value: number, labels: Labels = {}): Metric => ({
      name,
      labels: { reactor, ...labels },
      value,
    })
    return [
      gauge('cqrs_reactor_lag_seconds', seen.lagMs / 1_000),
      gauge('cqrs_reactor_lag_events', seen.lagEvents),
      gauge('cqrs_reactor_position', Number(seen.position)),
      ...states.map((status) =>
        gauge('cqrs_reactor_status', seen.state === status ? 1 : 0, { status }),
      ),
      gauge('cqrs_reactor_given_up', seen.givenUp),
      gauge('cqrs_reactor_repeating', seen.repeating),
    ]
  })
  if (timers === undefined) return ofReactors
  return [
    ...ofReactors,
    { name: 'cqrs_timers_due', labels: {}, value: timers.due },
    { name: 'cqrs_timers_overdue', labels: {}, value: timers.overdue },
    { name: 'cqrs_timers_failed', labels: {}, value: timers.failed },
    { name: 'cqrs_timers_oldest_due_seconds', labels: {}, value: timers.oldestDueMs / 1_000 },
  ]
}

/** What reactors and timers of this process have done; undefined where it has not the role. */
export function effectCounts(
  reactors: ReadonlyMap<string, ReactorCounts> | undefined,
  timers: { readonly issued: number; readonly problems: number } | undefined,
): Metric[] {
  const events = [...(reactors ?? [])].flatMap(([reactor, counts]) =>
    Object.entries(counts).map(([result, value]): Metric => ({
      name: 'cqrs_reactor_events_total',
      labels: { reactor, result },
      value,
    })),
  )
  if (timers === undefined) return events
  return [
    ...events,
    { name: 'cqrs_timers_issued_total', labels: {}, value: timers.issued },
    { name: 'cqrs_timer_failures_total', labels: {}, value: timers.problems },
  ]
}
