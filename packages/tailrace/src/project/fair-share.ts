import type { AnyProjectionDef } from '../declare/projection.ts'
import type { Lease, LeaseStatus } from '../ports/leases.ts'

export interface FairShare {
  /** What to claim: free leases up to the share, and a seat when this worker has none. */
  readonly wanted: readonly {
    readonly projection: string
    readonly version: number
    readonly max: number
  }[]
  /** Leases above the share, to give back. */
  readonly surplus: readonly Lease[]
}

/**
 * The leases of one projection that are due to one worker. Every worker computes the shares of all from the same list, so
 * that they come to fit without talking: n ranges over w workers give each n/w, and the first n mod w one more. Pure.
 */
export function fairShare(
  list: readonly LeaseStatus[],
  owner: string,
  projection: Pick<AnyProjectionDef, 'name' | 'version'>,
): FairShare {
  const { name, version } = projection
  const of = (row: string): LeaseStatus[] =>
    list.filter((lease) => lease.projection === row && lease.version === version)
  const ranges = of(name)
  const seats = of(seatName(name))
  const seated = new Set(seats.filter(alive).map((seat) => seat.owner!))
  const hasSeat = seated.has(owner)
  // A place may be free for this worker; it counts itself in. With no seats at all, it works alone.
  if (hasSeat || seats.length === 0 || seated.size < seats.length) seated.add(owner)
  const held = ranges.filter((lease) => lease.owner === owner)
  const share = shareOf([...seated].toSorted(), owner, ranges.length, name)
  return {
    wanted: [
      ...(seats.length === 0
        ? []
        : [{ projection: seatName(name), version, max: hasSeat ? 0 : 1 }]),
      { projection: name, version, max: Math.max(0, share - held.length) },
    ],
    surplus: held.slice(0, Math.max(0, held.length - share)),
  }
}

function alive(lease: LeaseStatus): boolean {
  return lease.owner !== undefined && lease.remainingMs > 0
}

function shareOf(
  workers: readonly string[],
  owner: string,
  ranges: number,
  projection: string,
): number {
  const index = workers.indexOf(owner)
  if (index === -1) return 0
  // Turned by the name, so that not the same worker gets the rest of every projection.
  let turn = 0
  for (let i = 0; i < projection.length; i++)
    turn = (turn * 31 + projection.charCodeAt(i)) % 1_000_003
  const place = (index + turn) % workers.length
  return Math.floor(ranges / workers.length) + (place < ranges % workers.length ? 1 : 0)
}

/** The lease rows by which workers of a projection see each other. No projection can have such a name. */
export function seatName(projection: string): string {
  return `@${projection}`
}
