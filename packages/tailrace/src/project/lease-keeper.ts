import { slotRanges } from '../log/slot.ts'
import type { AnyProjectionDef } from '../declare/projection.ts'
import type { Clock } from '../ports/clock.ts'
import type { Lease, LeaseStatus, LeaseStore, Trouble } from '../ports/leases.ts'
import type { SlotRange } from '../ports/event-log.ts'
import { errorText } from './fold-batch.ts'
import { fairShare, seatName } from './fair-share.ts'
import { retryDelayMs } from './retry-delay.ts'
import { WakeSignal } from './wake-signal.ts'

/** The leases that a worker holds of one projection version. */
export interface Holding {
  readonly leases: readonly Lease[]
  /** On the monotonic clock: no write starts after it. */
  readonly expiresAt: number
  readonly paused: boolean
  /** Every range of the version, whoever holds it. */
  readonly all: readonly { readonly range: number; readonly slots: SlotRange }[]
}

/** Who gets the leases of one projection version. */
export interface LeaseHolder {
  readonly projection: AnyProjectionDef
  setLeases(holding: Holding): void
  /** Whether a lease may not be given up to others now, because of what is being done under it. */
  keeps?(lease: Lease): boolean
  /** What keeps it from going on; told to other processes with the leases. */
  trouble?(): Trouble | undefined
}

export interface LeaseKeeperOptions {
  readonly owner: string
  readonly leases: LeaseStore
  readonly clock: Clock
  readonly holders: readonly LeaseHolder[]
  /** Ranges of a projection of scope 'stream'. */
  readonly ranges: number
  readonly ttlMs: number
}

/**
 * Claims, renews and shares leases for the projections of one process, apart from their processing. Workers share without a
 * leader: each takes a seat among the lease rows `@<projection>`, all see the same seats, and compute the same shares.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  readonly #signal: WakeSignal
  #held: readonly Lease[] = []
  #ensured = false
  #stopping = false
  #failures = 0
  #lastError: string | undefined

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
    this.#signal = new WakeSignal(options.clock)
  }

  get lastError(): string | undefined {
    return this.#lastError
  }

  /** Keeps leases until `stop()`. Never throws. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.round()
        this.#failures = 0
        this.#lastError = undefined
        if (!this.#stopping) await this.#signal.sleep(this.#options.ttlMs / 4)
      } catch (error) {
        this.#failures++
        this.#lastError = errorText(error)
        // What is held stays usable until it expires: the holders know when.
        await this.#signal.sleep(
          Math.min(retryDelayMs(this.#failures, this.#options.clock), this.#options.ttlMs / 8),
        )
      }
    }
  }

  /** Ends `run`. */
  stop(): void {
    this.#stopping = true
    this.#signal.wake()
  }

  /** Gives all leases up, so that others need not wait for their end. Call when nothing works under them any more. */
  async release(): Promise<void> {
    const held = this.#held
    this.#held = []
    for (const holder of this.#options.holders)
      holder.setLeases({ leases: [], expiresAt: 0, paused: false, all: [] })
    await this.#options.leases.release(this.#options.owner, held).catch(() => undefined)
  }

  /** One look at all leases: renew, take what is due to this worker, give back what is due to others. */
  async round(): Promise<void> {
    const { leases, owner, ttlMs, clock } = this.#options
    if (!this.#ensured) await this.#ensure()
    const list = await leases.list()
    // A restore may have taken them away: the next round makes them again.
    this.#ensured = this.#options.holders.every(({ projection: { name, version } }) =>
      list.some((lease) => lease.projection === name && lease.version === version),
    )
    const shares = this.#options.holders.map((holder) => fairShare(list, owner, holder.projection))
    const surplus = shares.flatMap((share, i) =>
      share.surplus.filter((lease) => this.#options.holders[i]!.keeps?.(lease) !== true),
    )
    if (surplus.length > 0) await this.#giveBack(surplus)
    const startedAt = clock.monotonic()
    this.#held = await leases.claim({
      owner,
      ttlMs,
      projections: shares.flatMap(({ wanted }, i) => {
        const { projection, trouble } = this.#options.holders[i]!
        return wanted.map((one) =>
          one.projection === projection.name
            ? { ...one, trouble: trouble?.call(this.#options.holders[i]) }
            : one,
        )
      }),
    })
    // Counted from before the claim, and a tenth early: no write is to start just before the end.
    this.#handOut(list, startedAt + ttlMs * 0.9)
  }

  async #ensure(): Promise<void> {
    for (const { projection } of this.#options.holders) {
      const ranges = rangesOf(projection, this.#options.ranges)
      await this.#options.leases.ensure(projection.name, projection.version, ranges)
      if (ranges.length > 1)
        await this.#options.leases.ensure(seatName(projection.name), projection.version, ranges)
    }
    this.#ensured = true
  }

  /** The holder stops using them first: what it is writing meanwhile is fenced by the next owner. */
  async #giveBack(surplus: readonly Lease[]): Promise<void> {
    const given = new Set(surplus)
    this.#held = this.#held.filter(
      (lease) => !given.has(lease) && !surplus.some((one) => sameLease(one, lease)),
    )
    await this.#options.leases.release(this.#options.owner, surplus)
  }

  #handOut(list: readonly LeaseStatus[], expiresAt: number): void {
    for (const holder of this.#options.holders) {
      const { name, version } = holder.projection
      const mine = (lease: Lease): boolean => lease.projection === name && lease.version === version
      const all = list.filter(mine)
      const paused = all.some((lease) => lease.paused)
      holder.setLeases({ leases: this.#held.filter(mine), expiresAt, paused, all })
    }
  }
}

/** The slot ranges of a projection: several that run in parallel, or one for all. */
export function rangesOf(projection: AnyProjectionDef, count: number): readonly SlotRange[] {
  return slotRanges(projection.scope === 'log' ? 1 : count)
}

function sameLease(a: Lease, b: Lease): boolean {
  return a.projection === b.projection && a.version === b.version && a.range === b.range
}
