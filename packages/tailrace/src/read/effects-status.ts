import type { Behind } from '../ports/event-log.ts'
import type { GivenUpEvent, ReactorReport } from '../ports/given-up.ts'
import type { LeaseStatus } from '../ports/leases.ts'
import type { GivenUpEffect, ReactorStatus, TimersStatus } from '../run/engine.ts'
import { reactorLease } from '../log/reactor-lease.ts'
import type { EffectsWatch } from './effects-watch.ts'
import type { HeadWatch } from './head-watch.ts'
import { projectionLag } from './projection-lag.ts'
import { projectionState } from './projection-state.ts'

/** A reactor that is further behind is catching up. */
const reactorSloMs = 5_000

/** Reactors as last seen, by name. */
export function reactorsStatus(
  watch: EffectsWatch,
  head: HeadWatch,
  leases: readonly LeaseStatus[] | undefined,
): Readonly<Record<string, ReactorStatus>> {
  const behind = watch.seen?.behind ?? new Map<bigint, Behind>()
  const status = (name: string): ReactorStatus => {
    const report = watch.seen?.reactors.find(({ reactor }) => reactor === name)
    const own = leases?.filter(({ projection }) => projection === reactorLease(name))
    return reactorStatus(report, { head, behind, leases: own, failure: watch.failure })
  }
  return Object.fromEntries(watch.reactors.map((name) => [name, status(name)]))
}

interface Surroundings {
  readonly head: HeadWatch
  readonly behind: ReadonlyMap<bigint, Behind>
  readonly leases: readonly LeaseStatus[] | undefined
  /** Why reactors could not be looked at. */
  readonly failure: string | undefined
}

function reactorStatus(
  report: ReactorReport | undefined,
  { head, behind, leases, failure }: Surroundings,
): ReactorStatus {
  const position = report?.position
  const { lagMs, lagEvents } = lagOf(position, head, behind)
  const { state, reason } = projectionState({
    leases,
    live: undefined,
    declared: 1,
    read: 1,
    started: position !== undefined,
    behind: lagEvents > 0,
    sloBroken: lagMs > reactorSloMs,
    parkedKeys: 0,
    failure: undefined,
  })
  const held = (leases ?? []).filter(({ owner, remainingMs }) => owner && remainingMs > 0)
  const lastError = reason ?? failure
  return {
    state,
    position: String(position ?? 0n),
    lagMs: Math.round(lagMs),
    lagEvents,
    givenUp: report?.givenUp ?? 0,
    repeating: report?.repeating ?? 0,
    recent: (report?.recent ?? []).map(effectOf),
    owners: [...new Set(held.map(({ owner }) => owner!))],
    ...(lastError === undefined ? {} : { lastError }),
  }
}

function lagOf(
  position: bigint | undefined,
  head: HeadWatch,
  behind: ReadonlyMap<bigint, Behind>,
): { readonly lagMs: number; readonly lagEvents: number } {
  // A reactor that never ran begins at the head: nothing waits for it.
  if (head.seen === undefined || position === undefined) return { lagMs: 0, lagEvents: 0 }
  return projectionLag({
    head: { ...head.seen, behind },
    reachable: head.failure === undefined,
    nowMs: head.nowMs(),
    applied: position,
    visible: position,
  })
}

function effectOf({ position, type, stream, atMs, ...rest }: GivenUpEvent): GivenUpEffect {
  return {
    ...rest,
    ...(position === undefined ? {} : { position: String(position) }),
    ...(type === undefined ? {} : { type }),
    ...(stream === undefined ? {} : { stream }),
    at: new Date(atMs).toISOString(),
  }
}

/** Timers as last seen; undefined where nothing is scheduled, or nothing was seen yet. */
export function timersStatus({ seen }: EffectsWatch): TimersStatus | undefined {
  const timers = seen?.timers
  if (timers === undefined) return undefined
  return { ...timers, oldestDueMs: Math.round(timers.oldestDueMs) }
}
