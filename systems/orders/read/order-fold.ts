import type { OrderDoc } from './order-view.ts'
import type { OrderEvent } from './order-event.ts'
import { withEntry } from './timeline.ts'
import { timelineText } from './timeline-text.ts'

/**
 * Folds events of an order into its document. With a `sellerId` it is the order as that seller may know it: only their
 * lines and what concerns them, so that neither a page nor a count of theirs can tell of anybody else's.
 */

export function foldOrder(
  event: OrderEvent,
  before: Readonly<OrderDoc> | undefined,
  sellerId?: string,
): OrderDoc | undefined {
  const doc = event.type === 'OrderPlaced' ? opened(event, sellerId) : before
  if (doc === undefined) return undefined
  return refreshed(event, changed(event, doc, sellerId), sellerId)
}

type Data<T extends OrderEvent['type']> = Extract<OrderEvent, { type: T }>['data']

function opened(
  { data }: Extract<OrderEvent, { type: 'OrderPlaced' }>,
  sellerId: string | undefined,
): OrderDoc {
  const lines = own(data.lines, sellerId).map((line) => ({
    ...line,
    quantityShipped: 0,
    quantityCancelled: 0,
    quantityRequested: 0,
  }))
  const { orderId, reference } = data
  return {
    orderId,
    customerId: data.customerId,
    reference,
    status: data.status,
    version: 0,
    currency: data.currency,
    totalMinor: 0,
    paidMinor: 0,
    cancelledMinor: 0,
    refundDueMinor: 0,
    placedAt: data.occurredAt,
    expiresAt: data.expiresAt,
    dueAt: null,
    lines,
    payments: [],
    shipments: [],
    returns: [],
    timeline: [],
    timelineLeftOut: 0,
    skus: [...new Set(lines.map(({ sku }) => sku))],
    sellerIds: [...new Set(lines.map((line) => line.sellerId))],
    searchText: [orderId, reference ?? '', ...new Set(lines.map(({ title }) => title))].join(' '),
  }
}

/** What this event alone changes. */
function changed(event: OrderEvent, doc: OrderDoc, sellerId: string | undefined): OrderDoc {
  switch (event.type) {
    case 'PaymentRegistered':
      return sellerId === undefined ? withPayment(doc, event.data) : doc
    case 'ItemsShipped':
      return withShipment(doc, event.data, sellerId)
    case 'ShipmentDelivered':
      return withDelivery(doc, event.data)
    case 'CancellationRequested':
    case 'ItemsCancelled':
    case 'OrderExpired':
      return withLines(doc, event.data.items)
    case 'ReturnRegistered':
      return withReturn(doc, event.data, sellerId)
    case 'ReturnHandled': {
      const { returnId, outcome, occurredAt: handledAt } = event.data
      const returns = doc.returns.map((row) =>
        row.returnId === returnId ? { ...row, outcome, handledAt } : row,
      )
      return { ...doc, returns }
    }
    default:
      return doc
  }
}

/** What every event changes: state, totals, due date, timeline. */
function refreshed(event: OrderEvent, doc: OrderDoc, sellerId: string | undefined): OrderDoc {
  const { status, totals, occurredAt: at } = event.data
  const shippable = status === 'paid' || status === 'partially-shipped'
  const due = doc.lines.filter(
    (line) => line.quantity > line.quantityShipped + line.quantityCancelled,
  )
  const text = timelineText(event, doc, sellerId)
  return {
    ...doc,
    ...(sellerId === undefined ? totals : ownTotals(doc, status)),
    status,
    version: event.version,
    dueAt: shippable
      ? due.reduce<string | null>((first, { dueAt }) => earlier(first, dueAt), null)
      : null,
    ...(text === undefined ? {} : withEntry(doc, { at, type: event.type, text })),
  }
}

function earlier(first: string | null, dueAt: string): string {
  return first === null || dueAt < first ? dueAt : first
}

/** A seller knows the amounts of their own lines; those are paid when the order is. */
function ownTotals(
  doc: OrderDoc,
  status: OrderDoc['status'],
): Pick<OrderDoc, 'totalMinor' | 'paidMinor' | 'cancelledMinor' | 'refundDueMinor'> {
  const totalMinor = doc.lines.reduce((sum, line) => sum + line.quantity * line.unitMinor, 0)
  const cancelledMinor = doc.lines.reduce(
    (sum, line) => sum + line.quantityCancelled * line.unitMinor,
    0,
  )
  const unpaid = status === 'placed' || status === 'cancelled' || status === 'expired'
  return {
    totalMinor,
    cancelledMinor,
    paidMinor: unpaid ? 0 : totalMinor - cancelledMinor,
    refundDueMinor: 0,
  }
}

function own<T extends { readonly sellerId: string }>(
  items: readonly T[],
  sellerId: string | undefined,
): readonly T[] {
  return sellerId === undefined ? items : items.filter((item) => item.sellerId === sellerId)
}

interface LineChange {
  readonly line: number
  readonly quantityShipped?: number
  readonly quantityCancelled?: number
  readonly quantityRequested?: number
}

function withLines(doc: OrderDoc, changes: readonly LineChange[]): OrderDoc {
  const byLine = new Map(changes.map((change) => [change.line, change]))
  const lines = doc.lines.map((line) => {
    const change = byLine.get(line.line)
    if (change === undefined) return line
    return {
      ...line,
      quantityShipped: change.quantityShipped ?? line.quantityShipped,
      quantityCancelled: change.quantityCancelled ?? line.quantityCancelled,
      quantityRequested: change.quantityRequested ?? line.quantityRequested,
    }
  })
  return { ...doc, lines }
}

function withPayment(doc: OrderDoc, data: Data<'PaymentRegistered'>): OrderDoc {
  const { paymentId, method, amountMinor, state, occurredAt: paidAt } = data
  return { ...doc, payments: [...doc.payments, { paymentId, method, amountMinor, state, paidAt }] }
}

function withShipment(
  doc: OrderDoc,
  data: Data<'ItemsShipped'>,
  sellerId: string | undefined,
): OrderDoc {
  const items = own(data.items, sellerId)
  if (items.length === 0) return doc
  const { shipmentId, carrier, tracking, occurredAt: shippedAt } = data
  const shipment = {
    shipmentId,
    carrier,
    tracking,
    shippedAt,
    deliveredAt: null,
    deliveredBeforeShipped: false,
    items: items.map(({ line, quantity }) => ({ line, quantity })),
  }
  const searchText = `${doc.searchText} ${tracking}`
  return { ...withLines(doc, items), shipments: [...doc.shipments, shipment], searchText }
}

function withDelivery(
  doc: OrderDoc,
  { shipmentId, deliveredAt, deliveredBeforeShipped }: Data<'ShipmentDelivered'>,
): OrderDoc {
  const shipments = doc.shipments.map((row) =>
    row.shipmentId === shipmentId ? { ...row, deliveredAt, deliveredBeforeShipped } : row,
  )
  return { ...doc, shipments }
}

function withReturn(
  doc: OrderDoc,
  data: Data<'ReturnRegistered'>,
  sellerId: string | undefined,
): OrderDoc {
  const items = own(data.items, sellerId).map(({ line, quantity }) => ({ line, quantity }))
  if (items.length === 0) return doc
  const { returnId, reason, occurredAt: registeredAt } = data
  const added = { returnId, reason, registeredAt, outcome: null, handledAt: null, items }
  return { ...doc, returns: [...doc.returns, added] }
}
