import { busStatus, type BusReport } from '../bus/bus-report.ts'
import type { RunnerStatus } from '../project/projection-runner.ts'
import type { EngineStatus, ProjectionStatus } from '../run/engine.ts'
import { reactorsStatus, timersStatus } from './effects-status.ts'
import type { EffectsWatch } from './effects-watch.ts'
import type { Freshness } from './freshness.ts'
import type { HeadWatch } from './head-watch.ts'
import type { ProjectionView } from './projection-view.ts'

/** A sequencer that was not heard of for so long is missing. */
const sequencerSilentMs = 10_000

/** Lag and state of everything as last seen, with what the workers of this process say about their troubles. */
export function engineStatus(
  freshness: Freshness,
  workers: readonly RunnerStatus[] = [],
  bus?: BusReport,
  effects?: EffectsWatch,
): EngineStatus {
  const projections: Record<string, ProjectionStatus> = {}
  for (const watch of freshness.watches) {
    const view = freshness.view(watch.projection.name)
    const own = workers.filter((one) => one.projection === view.name)
    const worker =
      own.find((one) => one.version === view.version) ??
      own.find((one) => one.version > view.version && one.state === 'failed')
    projections[view.name] = projectionStatus(view, watch.readStore.name, worker)
  }
  const { seen } = freshness.head
  const timers = effects === undefined ? undefined : timersStatus(effects)
  return {
    head: {
      position: String(freshness.head.position),
      at: new Date(seen?.nowMs ?? 0).toISOString(),
      unsequenced: seen?.unsequenced ?? 0,
      sequencer: sequencerState(freshness.head),
      ...(seen?.sequencerTrouble === undefined ? {} : { sequencerError: seen.sequencerTrouble }),
      ...(seen?.oldestTransaction === undefined
        ? {}
        : { oldestTransaction: seen.oldestTransaction }),
    },
    projections,
    reactors:
      effects === undefined ? {} : reactorsStatus(effects, freshness.head, freshness.leases),
    ...(timers === undefined ? {} : { timers }),
    ...(bus === undefined
      ? {}
      : { bus: busStatus(bus, freshness.head.position, freshness.leases) }),
  }
}

function sequencerState({ seen, failure }: HeadWatch): EngineStatus['head']['sequencer'] {
  if (seen === undefined || failure !== undefined) return 'unknown'
  const { nowMs, sequencerSeenMs = Number.NEGATIVE_INFINITY } = seen
  if (nowMs - sequencerSeenMs >= sequencerSilentMs) return 'missing'
  return seen.sequencerTrouble === undefined ? 'active' : 'failed'
}

function projectionStatus(
  view: ProjectionView,
  store: string,
  worker: RunnerStatus | undefined,
): ProjectionStatus {
  const waiting =
    worker === undefined || worker.version === view.version
      ? worker?.waiting
      : `version ${worker.version} cannot be made, and queries read version ${view.version}: ${worker.waiting ?? 'no reason given'}`
  const lastError = waiting ?? view.reason
  return {
    version: view.version,
    store,
    state: worker?.state === 'failed' ? 'failed' : view.state,
    position: String(view.position ?? 0n),
    lagMs: Math.round(view.lagMs),
    lagEvents: view.lagEvents,
    lagParts: {
      sequenced: Math.round(view.parts.sequenced),
      applied: Math.round(view.parts.applied),
      visible: Math.round(view.parts.visible),
    },
    sloMs: view.sloMs,
    sloBroken: view.sloBroken,
    parkedKeys: view.parkedKeys,
    owners: view.owners,
    ...(lastError === undefined ? {} : { lastError }),
  }
}
