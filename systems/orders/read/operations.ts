import { eventual, projection, query, type DocumentReader } from 'tailrace'
import { z } from 'zod'
import { orderEvents } from '../write/events.ts'
import { utc } from '../write/fields.ts'
import { Status, statuses } from '../write/order-status.ts'
import { bucketOf, percentiles } from './histogram.ts'
import { OrderDocument } from './order-document.ts'
import { onEvery, type OrderEvent } from './order-event.ts'
import type { OrderDoc } from './order-view.ts'

/** A set of named counters: one document per minute, per day and currency, per day and step of the funnel, and one in all. */
const Counters = z.object({
  kind: z.enum(['minute', 'day', 'funnel', 'status']),
  /** Start of the minute, or the day; empty for what has no time. */
  at: z.string(),
  /** The currency, or the step of the funnel. */
  of: z.string(),
  counts: z.record(z.string(), z.int()),
})
type Counters = z.infer<typeof Counters>

/**
 * How the business runs, in counters that events add to. Documents mix orders, so one owner folds the whole log in order;
 * a batch of a thousand events changes a dozen documents.
 */
export const Operations = projection('operations', {
  version: 1,
  from: orderEvents,
  scope: 'log',
  document: Counters,
  key: (event) => additionsOf(event).map(keyOf),
  lookup: { by: [['kind', 'at']] },
  on: onEvery((event: OrderEvent, doc: Readonly<Counters> | undefined, key: string) =>
    added(
      doc,
      additionsOf(event).find((addition) => keyOf(addition) === key)!,
    ),
  ),
  lag: { slo: '5s' },
})

function keyOf({ kind, at, of }: Counters): string {
  return [kind, at, of].join('|')
}

function added(doc: Readonly<Counters> | undefined, addition: Counters): Counters {
  const counts: Record<string, number> = { ...doc?.counts }
  for (const [name, by] of Object.entries(addition.counts)) counts[name] = (counts[name] ?? 0) + by
  return { ...addition, counts }
}

const steps = ['placedToPaid', 'paidToShipped', 'shippedToDelivered', 'placedToDelivered'] as const
type Step = (typeof steps)[number]

/** What an event adds to which counters. */
function additionsOf(event: OrderEvent): Counters[] {
  const { was, status, occurredAt } = event.data
  const additions: Counters[] = []
  if (was !== status) {
    additions.push({
      kind: 'status',
      at: '',
      of: '',
      counts: { ...(was === null ? {} : { [was]: -1 }), [status]: 1 },
    })
    additions.push({
      kind: 'minute',
      at: `${occurredAt.slice(0, 16)}:00.000Z`,
      of: '',
      counts: { [status]: 1 },
    })
  }
  const money = moneyOf(event)
  if (money !== undefined) additions.push({ kind: 'day', at: occurredAt.slice(0, 10), ...money })
  for (const [of, ms] of durationsOf(event)) {
    additions.push({
      kind: 'funnel',
      at: occurredAt.slice(0, 10),
      of,
      counts: { [bucketOf(ms)]: 1 },
    })
  }
  return additions
}

function moneyOf(event: OrderEvent): Pick<Counters, 'of' | 'counts'> | undefined {
  switch (event.type) {
    case 'OrderPlaced':
      return { of: event.data.currency, counts: { orders: 1 } }
    case 'OrderPaid': {
      const { totalMinor, cancelledMinor } = event.data.totals
      return { of: event.data.currency, counts: { revenueMinor: totalMinor - cancelledMinor } }
    }
    case 'RefundDue':
      return { of: event.data.currency, counts: { refundDueMinor: event.data.amountMinor } }
    default:
      return undefined
  }
}

function durationsOf(event: OrderEvent): (readonly [Step, number])[] {
  switch (event.type) {
    case 'OrderPaid':
      return [['placedToPaid', between(event.data.placedAt, event.data.occurredAt)]]
    case 'ItemsShipped':
      // From paid to the first parcel.
      return event.data.was === 'paid'
        ? [['paidToShipped', between(event.data.paidAt, event.data.occurredAt)]]
        : []
    case 'ShipmentDelivered':
      return [['shippedToDelivered', between(event.data.shippedAt, event.data.deliveredAt)]]
    case 'OrderDelivered':
      return [['placedToDelivered', between(event.data.placedAt, event.data.occurredAt)]]
    default:
      return []
  }
}

function between(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from)
}

const minutesShown = 60
const daysShown = 30
/** One page holds the days of up to three currencies. */
const dayPage = 100
const funnelDays = 7
const minuteMs = 60_000
const dayMs = 86_400_000

const Span = z.object({ p50: z.int().nullable(), p95: z.int().nullable() })
const Minute = z.object({
  minute: z.string(),
  orders: z.int(),
  byStatus: z.partialRecord(Status, z.int()),
})
const Day = z.object({
  day: z.string(),
  currency: z.string(),
  orders: z.int(),
  revenueMinor: z.int().describe('Of orders that were paid on this day'),
  refundDueMinor: z.int().describe('To be paid back since this day'),
})

const Late = z.object({
  orders: z.int().describe('Paid, something open, and past its due date'),
  open: z.int().describe('Paid and something open, late or not'),
  percent: z.number().nullable().describe('Of the open ones, to a tenth; null when there are none'),
})

/**
 * How the business runs: the last 60 minutes, all orders by status, how many are late, how long each step took in the last
 * 7 days, and days.
 */
export const operations = query('operations', {
  input: z.strictObject({}),
  reads: { counters: Operations, orders: OrderDocument },
  may: ({ actor }) => actor.role === 'support',
  freshness: eventual({ wait: '2s' }),
  output: z.object({
    ordersPerMinute: z.array(Minute).describe('Oldest first, the current minute last'),
    byStatus: z.record(Status, z.int()),
    late: Late.describe('Orders of which something could be shipped now'),
    funnel: z.record(z.enum(steps), Span).describe('Milliseconds, within 0.8 %'),
    revenueByDay: z
      .array(Day)
      .describe('Oldest first; the last 30 days with orders, an entry per day and currency'),
  }),
  run: async ({ counters, orders }, _input, { now }) => {
    const [ordersPerMinute, byStatus, late, funnel, revenueByDay] = await Promise.all([
      lastMinutes(counters, now),
      ordersByStatus(counters),
      lateOrders(orders, now),
      lastFunnel(counters, now),
      lastDays(counters),
    ])
    return { ordersPerMinute, byStatus, late, funnel, revenueByDay }
  },
  examples: [{ as: { role: 'support', id: 'sam' }, input: {} }],
})

type CountersReader = DocumentReader<Counters>

async function lastMinutes(
  counters: CountersReader,
  now: string,
): Promise<z.infer<typeof Minute>[]> {
  const current = Math.floor(Date.parse(now) / minuteMs) * minuteMs
  const minutes = Array.from({ length: minutesShown }, (_, i) =>
    utcAt(current - (minutesShown - 1 - i) * minuteMs),
  )
  const docs = await counters.getMany(
    minutes.map((at) => keyOf({ kind: 'minute', at, of: '', counts: {} })),
  )
  return minutes.map((minute, i) => {
    const byStatus: Partial<Record<Status, number>> = docs[i]?.counts ?? {}
    return { minute, orders: byStatus.placed ?? 0, byStatus }
  })
}

async function ordersByStatus(counters: CountersReader): Promise<Record<Status, number>> {
  const doc = await counters.get(keyOf({ kind: 'status', at: '', of: '', counts: {} }))
  return Object.fromEntries(statuses.map((status) => [status, doc?.counts[status] ?? 0])) as Record<
    Status,
    number
  >
}

/** An order has a due date only while something of it could be shipped. */
async function lateOrders(
  reader: DocumentReader<OrderDoc>,
  now: string,
): Promise<z.infer<typeof Late>> {
  const [past, ahead] = await Promise.all([
    reader.find({ where: { dueAt: { lt: utc(now) } }, limit: 1, total: true }),
    reader.find({ where: { dueAt: { gte: utc(now) } }, limit: 1, total: true }),
  ])
  const late = past.total ?? 0
  const open = late + (ahead.total ?? 0)
  return { orders: late, open, percent: open === 0 ? null : Math.round((1_000 * late) / open) / 10 }
}

async function lastFunnel(
  counters: CountersReader,
  now: string,
): Promise<Record<Step, z.infer<typeof Span>>> {
  const days = Array.from({ length: funnelDays }, (_, i) =>
    utcAt(Date.parse(now) - i * dayMs).slice(0, 10),
  )
  const keys = steps.flatMap((of) =>
    days.map((at) => keyOf({ kind: 'funnel', at, of, counts: {} })),
  )
  const docs = await counters.getMany(keys)
  const spans = steps.map((step, i) => {
    const histograms = docs
      .slice(i * funnelDays, (i + 1) * funnelDays)
      .flatMap((doc) => (doc ? [doc.counts] : []))
    const [p50, p95] = percentiles(histograms, [0.5, 0.95])
    return [step, { p50: p50 ?? null, p95: p95 ?? null }]
  })
  return Object.fromEntries(spans) as Record<Step, z.infer<typeof Span>>
}

/** A day has a document per currency, so the days are counted while reading. */
async function lastDays(counters: CountersReader): Promise<z.infer<typeof Day>[]> {
  const found: z.infer<typeof Day>[] = []
  const days = new Set<string>()
  let after: string | undefined
  do {
    const { items, next } = await counters.find({
      where: { kind: 'day' },
      sort: [['at', 'desc']],
      limit: dayPage,
      ...(after === undefined ? {} : { after }),
    })
    for (const item of items) {
      days.add(item.at)
      if (days.size <= daysShown) found.push(dayOf(item))
    }
    after = next
  } while (after !== undefined && days.size <= daysShown)
  return found.toReversed()
}

function dayOf({ at, of, counts }: Counters): z.infer<typeof Day> {
  return {
    day: at,
    currency: of,
    orders: counts['orders'] ?? 0,
    revenueMinor: counts['revenueMinor'] ?? 0,
    refundDueMinor: counts['refundDueMinor'] ?? 0,
  }
}

function utcAt(ms: number): string {
  return utc(new Date(ms).toISOString())
}
