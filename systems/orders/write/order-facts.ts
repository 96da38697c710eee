import type { After } from './events.ts'
import { itemId, type OrderRows } from './order.ts'
import type { Status } from './order-status.ts'
import { refunds } from './reasons.ts'

/** What follows from the rows of an order. Pure; the one place where quantities and amounts are added up. */

export type ItemRow = OrderRows['items'][number]

export function openOf(item: ItemRow): number {
  return item.qty - item.qtyShipped - item.qtyCancelled
}

/** The line with this number. */
export function itemOf(rows: OrderRows, line: number): ItemRow | undefined {
  const id = itemId(rows.order.id, line)
  return rows.items.find((item) => item.id === id)
}

/** How much of a line the customer holds: delivered, and neither on its way back nor taken back. */
export function returnableOf(rows: OrderRows, item: ItemRow): number {
  let held = 0
  for (const row of rows.shipments) {
    if (row.orderItemId !== item.id) continue
    if (row.direction === 'out' && row.deliveredAt !== null) held += row.qty
    if (row.direction === 'return' && (row.outcome === null || refunds(row.outcome)))
      held -= row.qty
  }
  return held
}

export function totalsOf(rows: OrderRows): After['totals'] {
  const paidMinor = rows.payments.reduce((sum, { amountMinor }) => sum + amountMinor, 0)
  const cancelledMinor = rows.items.reduce(
    (sum, item) => sum + item.qtyCancelled * item.unitMinor,
    0,
  )
  const overMinor = Math.max(0, paidMinor - (rows.order.totalMinor - cancelledMinor))
  return {
    totalMinor: rows.order.totalMinor,
    paidMinor,
    cancelledMinor,
    refundDueMinor: overMinor + returnedMinor(rows),
  }
}

/** What is still to be paid; negative when too much was. */
export function unpaidMinor({ totalMinor, cancelledMinor, paidMinor }: After['totals']): number {
  return totalMinor - cancelledMinor - paidMinor
}

function returnedMinor(rows: OrderRows): number {
  const unitMinor = new Map(rows.items.map((item) => [item.id, item.unitMinor]))
  return rows.shipments
    .filter(({ direction, outcome }) => direction === 'return' && refunds(outcome))
    .reduce((sum, row) => sum + row.qty * unitMinor.get(row.orderItemId)!, 0)
}

/** The state that an order with these rows is in. */
export function statusOf(rows: OrderRows): Status {
  if (rows.order.status === 'expired') return 'expired'
  const { items, shipments } = rows
  if (items.every((item) => item.qtyCancelled === item.qty)) return 'cancelled'
  if (items.every((item) => item.qtyShipped === 0))
    return unpaidMinor(totalsOf(rows)) <= 0 ? 'paid' : 'placed'
  if (items.some((item) => openOf(item) > 0)) return 'partially-shipped'
  return shipments.every((row) => row.direction === 'return' || row.deliveredAt !== null)
    ? 'delivered'
    : 'shipped'
}

/** Who sells on this order, in the order of their first lines, and which of their lines are open. */
export function sellersOf(rows: OrderRows): After['sellers'] {
  const bySeller = new Map<string, number[]>()
  for (const item of rows.items.toSorted((a, b) => a.line - b.line)) {
    const lines = bySeller.get(item.sellerId) ?? []
    if (openOf(item) > 0) lines.push(item.line)
    bySeller.set(item.sellerId, lines)
  }
  return [...bySeller].map(([sellerId, openLines]) => ({ sellerId, openLines }))
}

/**
 * When the order became paid: by its last payment, by a cancellation of what was unpaid, or when it was placed and cost
 * nothing. Of orders that were paid before the row kept it, the last payment tells.
 */
export function paidAtOf(rows: OrderRows): string {
  const { paidAt: becamePaid, placedAt } = rows.order
  if (becamePaid !== null) return becamePaid
  return rows.payments.reduce((last, { paidAt }) => (paidAt > last ? paidAt : last), placedAt)
}

export function lastShippedAtOf(rows: OrderRows): string {
  return rows.shipments
    .filter(({ direction }) => direction === 'out')
    .reduce((last, { shippedAt }) => (shippedAt > last ? shippedAt : last), rows.order.placedAt)
}

/** The rows with some items changed, by line. */
export function withItems(
  rows: OrderRows,
  changes: ReadonlyMap<number, Partial<ItemRow>>,
): OrderRows {
  return {
    ...rows,
    items: rows.items.map((item) =>
      changes.has(item.line) ? { ...item, ...changes.get(item.line) } : item,
    ),
  }
}

export function withStatus(rows: OrderRows, status: Status): OrderRows {
  return { ...rows, order: { ...rows.order, status } }
}
