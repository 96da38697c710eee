import type { Clock, Lease, LeaseStatus, LeaseStore, SlotRange, Trouble } from 'tailrace/adapter'

type Claim = Parameters<LeaseStore['claim']>[0]

interface Row {
  readonly projection: string
  readonly version: number
  readonly range: number
  readonly slots: SlotRange
  fence: bigint
  owner: string | undefined
  until: number
  paused: boolean
  trouble: Trouble | undefined
}

/** Leases of one process, for suites: two workers in it share them, and a test can end an owner's leases at once. */
export class MemoryLeases implements LeaseStore {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #rows: Row[] = []
  readonly #barred = new Set<string>()

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** Ends all leases of an owner, who does not know it, and gives it none any more. */
  bar(owner: string): void {
    this.#barred.add(owner)
    for (const row of this.#rows) if (row.owner === owner) row.until = 0
  }

  async ensure(projection: string, version: number, ranges: readonly SlotRange[]): Promise<void> {
    ranges.forEach((slots, range) => {
      if (this.#of(projection, version).some((row) => row.range === range)) return
      this.#rows.push({
        projection,
        version,
        range,
        slots,
        fence: 0n,
        owner: undefined,
        until: 0,
        paused: false,
        trouble: undefined,
      })
    })
  }

  async claim({ owner, ttlMs, projections }: Claim): Promise<readonly Lease[]> {
    // The barred owner is as one whose answers do not arrive.
    if (this.#barred.has(owner)) return new Promise(() => undefined)
    const now = this.#clock.monotonic()
    return projections.flatMap(({ projection, version, max, trouble }) => {
      const rows = this.#of(projection, version).filter((row) => !row.paused)
      const own = rows.filter((row) => row.owner === owner)
      const free = rows.filter((row) => row.owner !== owner && row.until <= now).slice(0, max)
      for (const row of free) row.fence++
      return [...own, ...free].map((row) => {
        row.owner = owner
        row.until = now + ttlMs
        row.trouble = trouble
        return leaseOf(row)
      })
    })
  }

  async release(owner: string, leases: readonly Lease[]): Promise<void> {
    for (const lease of leases) {
      const row = this.#of(lease.projection, lease.version).find((one) => one.range === lease.range)
      if (row?.owner !== owner || row.fence !== lease.fence) continue
      row.owner = undefined
      row.trouble = undefined
      row.until = 0
    }
  }

  async list(): Promise<readonly LeaseStatus[]> {
    const now = this.#clock.monotonic()
    return this.#rows.map((row) => ({
      ...leaseOf(row),
      owner: row.owner,
      remainingMs: row.until - now,
      paused: row.paused,
      trouble: row.trouble,
    }))
  }

  async setPaused(projection: string, paused: boolean): Promise<void> {
    for (const row of this.#rows) if (row.projection === projection) row.paused = paused
  }

  #of(projection: string, version: number): Row[] {
    return this.#rows.filter((row) => row.projection === projection && row.version === version)
  }
}

function leaseOf({ projection, version, range, slots, fence }: Row): Lease {
  return { projection, version, range, slots, fence }
}
