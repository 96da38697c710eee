import { OrderCancelled, OrderDelivered, OrderPaid, RefundDue, type After } from './events.ts'
import { lastShippedAtOf, sellersOf, statusOf, totalsOf, withStatus } from './order-facts.ts'
import type { OrderRows } from './order.ts'
import type { Status } from './order-status.ts'

/**
 * How an order goes on from one event to the next within a command. A command changes rows in memory, says its own event
 * with `after`, and lets `consequences` add what follows from the change: paid, delivered, cancelled, money due back.
 */

/** States that have an event of their own; every other change of state is said by the event that caused it. */
const announced: ReadonlySet<Status> = new Set(['paid', 'delivered', 'cancelled'])

/** The rows with the state that the command's own event leaves behind. */
export function proceed(before: OrderRows, changed: OrderRows): OrderRows {
  const status = statusOf(changed)
  return announced.has(status)
    ? withStatus(changed, before.order.status as Status)
    : withStatus(changed, status)
}

/** The part that every event carries. */
export function after(before: OrderRows | undefined, rows: OrderRows, occurredAt: string): After {
  return {
    orderId: rows.order.id,
    occurredAt,
    was: (before?.order.status as Status | undefined) ?? null,
    status: rows.order.status as Status,
    totals: totalsOf(rows),
    sellers: sellersOf(rows),
  }
}

type Consequence = ReturnType<
  typeof OrderPaid | typeof OrderDelivered | typeof OrderCancelled | typeof RefundDue
>

export interface Cause {
  readonly occurredAt: string
  /** Of a cancellation; otherwise unused. */
  readonly reason?: string
  readonly because: 'cancelled' | 'expired' | 'paid-too-late' | 'returned'
}

/** The events that follow when `before` has become `rows` (as `proceed` left them). */
export function consequences(
  before: OrderRows,
  rows: OrderRows,
  cause: Cause,
): readonly Consequence[] {
  const events: Consequence[] = []
  const status = statusOf(rows)
  const end = withStatus(rows, status)
  if (status !== rows.order.status) {
    const common = after(rows, end, cause.occurredAt)
    const { currency, placedAt } = rows.order
    if (status === 'paid') events.push(OrderPaid({ ...common, currency, placedAt }))
    if (status === 'delivered')
      events.push(OrderDelivered({ ...common, placedAt, lastShippedAt: lastShippedAtOf(rows) }))
    if (status === 'cancelled')
      events.push(OrderCancelled({ ...common, reason: cause.reason ?? 'OTHER' }))
  }
  const amountMinor = totalsOf(end).refundDueMinor - totalsOf(before).refundDueMinor
  if (amountMinor > 0) {
    const { occurredAt, because } = cause
    events.push(
      RefundDue({
        ...after(end, end, occurredAt),
        amountMinor,
        currency: rows.order.currency,
        because,
      }),
    )
  }
  return events
}
