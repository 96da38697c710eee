import type { ProjectionState } from '../declare/client-types.ts'
import type { HeadWatch } from './head-watch.ts'
import { projectionLag, type ProjectionLag } from './projection-lag.ts'
import { projectionState } from './projection-state.ts'
import type { ProjectionWatch } from './projection-watch.ts'

/** How fresh one projection is, at one moment. */
export interface ProjectionView extends ProjectionLag {
  readonly name: string
  readonly version: number
  readonly state: ProjectionState
  readonly reason: string | undefined
  /** Visible position; undefined while a slot range has not started. */
  readonly position: bigint | undefined
  readonly sloMs: number
  readonly sloBroken: boolean
  /** The lag is above the SLO, or the log did not answer when it was last asked. */
  readonly stale: boolean
  readonly parkedKeys: number
  readonly owners: readonly string[]
}

export function projectionView(
  watch: ProjectionWatch,
  head: HeadWatch,
  checkpoints = watch.checkpoints,
): ProjectionView {
  const visible = watch.visible([], checkpoints)
  const lag = lagOf(watch, head, visible, watch.applied(checkpoints))
  const sloMs = watch.projection.lagSloMs
  const sloBroken = lag.lagMs > sloMs
  const lost = head.seen === undefined ? undefined : watch.divergence(head.seen, head.epochs)
  const shown = projectionState({
    leases: watch.leases,
    building: watch.building,
    live: watch.live,
    declared: watch.projection.version,
    read: watch.version,
    started: visible !== undefined,
    behind: lag.lagEvents > 0,
    sloBroken,
    parkedKeys: watch.parkedKeys,
    failure:
      watch.failure ??
      (lost === undefined ? undefined : `the read model holds ${lost}; rebuild it`),
  })
  const owners = (watch.leases ?? []).flatMap((lease) =>
    lease.owner !== undefined && lease.remainingMs > 0 ? [lease.owner] : [],
  )
  return {
    ...lag,
    ...shown,
    name: watch.projection.name,
    version: watch.version,
    position: visible,
    sloMs,
    sloBroken,
    stale: sloBroken || head.failure !== undefined,
    parkedKeys: watch.parkedKeys,
    owners: [...new Set(owners)],
  }
}

function lagOf(
  watch: ProjectionWatch,
  head: HeadWatch,
  visible: bigint | undefined,
  applied: bigint | undefined,
): ProjectionLag {
  const nowMs = head.nowMs()
  if (head.seen !== undefined) {
    const reachable = head.failure === undefined
    return projectionLag({
      head: head.seen,
      reachable,
      nowMs,
      applied: applied ?? 0n,
      visible: visible ?? 0n,
    })
  }
  // The log was never seen: all that is known is when the checkpoints were written.
  const written = [...watch.checkpoints.values()].map((checkpoint) => checkpoint.updatedAtMs)
  const asOfMs = written.length === 0 ? 0 : Math.min(...written)
  const age = Math.max(0, nowMs - asOfMs)
  return { lagMs: age, lagEvents: 0, parts: { sequenced: age, applied: 0, visible: 0 }, asOfMs }
}
