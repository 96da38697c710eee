import type { ProjectionState } from '../declare/client-types.ts'
import type { LeaseStatus } from '../ports/leases.ts'

export interface StateInput {
  /** Leases of the version that queries read; undefined: the lease store was never read. */
  readonly leases: readonly LeaseStatus[] | undefined
  /** Leases of the declared version while queries read another one. */
  readonly building?: readonly LeaseStatus[] | undefined
  readonly live: number | undefined
  readonly declared: number
  /** The version that queries of this process read. */
  readonly read: number
  readonly started: boolean
  readonly behind: boolean
  readonly sloBroken: boolean
  readonly parkedKeys: number
  /** What is wrong with the read model itself: it cannot be read, or holds a lost history. */
  readonly failure: string | undefined
}

export interface ShownState {
  readonly state: ProjectionState
  /** Why, where the state alone does not say it. */
  readonly reason: string | undefined
}

/**
 * The state of a projection, so that causes read differently: what makes it wrong before what stops it before how far it is.
 * A lease that ran out is a worker that died, and fails the projection while events wait; one given up is unowned.
 */
export function projectionState(input: StateInput): ShownState {
  const { leases = [] } = input
  if (input.failure !== undefined) return { state: 'failed', reason: input.failure }
  if (leases.some((lease) => lease.paused)) return { state: 'paused', reason: stillHeld(leases) }
  const failing = [...leases, ...(input.building ?? [])].find(
    (lease) => isHeld(lease) && lease.trouble?.failed === true,
  )
  if (failing !== undefined) return { state: 'failed', reason: troubleText(failing, input) }
  const dead = leases.find((lease) => lease.owner !== undefined && lease.remainingMs <= 0)
  if (dead !== undefined && input.behind) return { state: 'failed', reason: deadWorker(dead) }
  if (input.live !== undefined && input.live !== input.declared) {
    return { state: 'rebuilding', reason: otherLive(input.live, input) }
  }
  const unowned = leases.find((lease) => lease.owner === undefined || lease.remainingMs <= 0)
  if (unowned !== undefined)
    return { state: 'unowned', reason: `no worker holds slots ${slotsText(unowned)}` }
  const waiting = leases.find((lease) => isHeld(lease) && lease.trouble !== undefined)
  const reason = waiting === undefined ? undefined : troubleText(waiting, input)
  if (!input.started) return { state: 'not-started', reason }
  if (input.parkedKeys > 0) return { state: 'parked', reason: parkedText(input.parkedKeys) }
  return { state: input.sloBroken ? 'catching-up' : 'live', reason }
}

function isHeld({ owner, remainingMs }: LeaseStatus): boolean {
  return owner !== undefined && remainingMs > 0
}

function troubleText({ owner, version, trouble }: LeaseStatus, { live }: StateInput): string {
  const of = version === live || live === undefined ? '' : ` of version ${version}`
  return `worker ${owner}${of}: ${trouble!.text}`
}

/** A live version of another shape is read by the releases that declare it, and not here. */
function otherLive(live: number, { declared, read }: StateInput): string {
  const queries =
    read === live
      ? `queries read version ${live}`
      : `other releases read version ${live}, whose documents this code cannot read: queries of this process read version ${read}`
  return live < declared
    ? `version ${declared} is being built; ${queries}`
    : `${queries}; version ${live} is later than version ${declared} of this code: rollBack() gives this one to all`
}

function parkedText(keys: number): string {
  return keys === 1 ? '1 key is parked' : `${keys} keys are parked`
}

/** Workers notice with their next look at the leases: until then they apply what comes. */
function stillHeld(leases: readonly LeaseStatus[]): string | undefined {
  const held = leases.find(isHeld)
  return held === undefined ? undefined : `worker ${held.owner} has not let go of it yet`
}

function deadWorker(lease: LeaseStatus): string {
  const seconds = Math.round(-lease.remainingMs / 1_000)
  return `worker ${lease.owner} stopped renewing its lease on slots ${slotsText(lease)} ${seconds} s ago, and events wait`
}

function slotsText({ slots }: LeaseStatus): string {
  return `${slots.from}–${slots.to}`
}
