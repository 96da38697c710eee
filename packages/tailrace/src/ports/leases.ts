import type { SlotRange } from './event-log.ts'

/** Who works which slots of which projection. Time is the database's only. */
export interface LeaseStore {
  /** Makes the lease rows of a projection version if they are missing. Ranges never change for a version. */
  ensure(projection: string, version: number, ranges: readonly SlotRange[]): Promise<void>
  /**
   * Renews the leases that `owner` holds and takes up to `max` free or expired ones besides, in one statement. It never
   * takes back. A taken lease gets a higher fence than any before it. `ttlMs` counts from the database's now. Paused leases are not handed out.
   */
  claim(options: {
    readonly owner: string
    readonly ttlMs: number
    readonly projections: readonly {
      readonly projection: string
      readonly version: number
      readonly max: number
      /** Kept with the leases of `owner` until the next renewal, which says it again or not; at most 2,000 characters. */
      readonly trouble?: Trouble | undefined
    }[]
  }): Promise<readonly Lease[]>
  /** Gives leases up so that others need not wait for the expiry. */
  release(owner: string, leases: readonly Lease[]): Promise<void>
  /** All leases, for status and fair sharing. */
  list(): Promise<readonly LeaseStatus[]>
  /** Stops or restarts the work on a projection, for every worker. */
  setPaused(projection: string, paused: boolean): Promise<void>
}

export interface Lease {
  readonly projection: string
  readonly version: number
  /** Number of the range, 0 … n−1. */
  readonly range: number
  readonly slots: SlotRange
  readonly fence: bigint
}

/** What keeps an owner from going on with what it has a lease for. */
export interface Trouble {
  /** Whether it will not go on by itself. */
  readonly failed: boolean
  readonly text: string
}

export interface LeaseStatus extends Lease {
  readonly owner: string | undefined
  /** Milliseconds left; zero or negative when expired. */
  readonly remainingMs: number
  readonly paused: boolean
  /** What its owner said with the last renewal. */
  readonly trouble?: Trouble | undefined
}
