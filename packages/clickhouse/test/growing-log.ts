import { ListLog, MemoryLeases, recorded, type GivenEvent } from '@tailrace/conformance'
import { event, projection, rowsProjection } from 'tailrace'
import {
  startProjectionWorker,
  systemClock,
  type AnyProjectionDef,
  type ProjectionWorker,
  type ProjectionWorkerOptions,
  type ReadStore,
  type RecordedEvent,
} from 'tailrace/adapter'
import { z } from 'zod'

export const Paid = event(
  'Paid',
  z.object({ amountMinor: z.int(), currency: z.enum(['EUR', 'USD']) }),
)

/** One row per line of a payment: what queries add up. */
export const Payments = rowsProjection('payments', {
  version: 1,
  from: [Paid],
  row: z.object({
    account: z.string(),
    at: z.iso.datetime(),
    currency: z.enum(['EUR', 'USD']),
    amountMinor: z.int(),
  }),
  on: {
    Paid: (e) => {
      const line = { account: e.stream, at: e.at, ...e.data }
      return [line, { ...line, amountMinor: -1 }]
    },
  },
})

/** Balances by account. */
export const Balances = projection('balances', {
  version: 1,
  from: [Paid],
  document: z.object({ account: z.string(), balanceMinor: z.int(), payments: z.int() }),
  key: (e) => e.stream,
  lookup: { by: [['balanceMinor']] },
  on: {
    Paid: (e, doc) => ({
      account: e.stream,
      balanceMinor: (doc?.balanceMinor ?? 0) + e.data.amountMinor,
      payments: (doc?.payments ?? 0) + 1,
    }),
  },
})

/** A log that tests append to, and what its events must come to. */
export class GrowingLog {
  readonly #given: GivenEvent[] = []
  readonly #events: RecordedEvent[] = []
  readonly log = new ListLog(this.#events)
  readonly clock = systemClock()
  readonly leases = new MemoryLeases(this.clock)

  /** Appends payments and gives the last position. */
  pay(count: number): bigint {
    for (let i = 0; i < count; i++) {
      const n = this.#given.length
      const data = { amountMinor: (n * 7_919) % 10_007, currency: n % 3 === 0 ? 'USD' : 'EUR' }
      this.#given.push({ stream: `account-${n % 97}`, event: Paid(data as never) })
    }
    const known = this.#events.length
    this.#events.push(...recorded(this.#given).slice(known))
    return this.log.last
  }

  get history(): string {
    return `${this.log.identity.systemId}/${this.log.identity.epoch}`
  }

  /** Sum of the rows by currency, and their number, as text. */
  rowSums(): { readonly currency: string; readonly sum: string; readonly rows: string }[] {
    return ['EUR', 'USD'].map((currency) => {
      const mine = this.#given.filter(
        ({ event: paid }) => (paid.data as { currency: string }).currency === currency,
      )
      const sum = mine.reduce(
        (total, { event: paid }) => total + (paid.data as { amountMinor: number }).amountMinor - 1,
        0,
      )
      return { currency, sum: String(sum), rows: String(mine.length * 2) }
    })
  }

  /** The documents of `Balances`, by key. */
  balances(): Map<string, unknown> {
    const found = new Map<string, { account: string; balanceMinor: number; payments: number }>()
    for (const { stream, event: paid } of this.#given) {
      const before = found.get(stream)
      found.set(stream, {
        account: stream,
        balanceMinor:
          (before?.balanceMinor ?? 0) + (paid.data as { amountMinor: number }).amountMinor,
        payments: (before?.payments ?? 0) + 1,
      })
    }
    return found
  }

  work(
    projections: readonly { projection: AnyProjectionDef; store: ReadStore }[],
    options: Partial<ProjectionWorkerOptions> = {},
  ): ProjectionWorker {
    const { log, leases, clock } = this
    return startProjectionWorker({ projections, log, leases, clock, ...options })
  }
}
