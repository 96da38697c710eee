import { aggregate, many, table, type RowOperation, type RowsOf } from 'tailrace'
import { z } from 'zod'
import { orderEvents } from './events.ts'

const OrderRow = z.object({
  id: z.string(),
  customerId: z.string(),
  status: z.string(),
  currency: z.string(),
  totalMinor: z.int(),
  version: z.int(),
  placedAt: z.string(),
  expiresAt: z.string().nullable(),
  paidAt: z.string().nullable(),
})

const ItemRow = z.object({
  id: z.string(),
  orderId: z.string(),
  line: z.int(),
  sku: z.string(),
  sellerId: z.string(),
  qty: z.int(),
  qtyShipped: z.int(),
  qtyCancelled: z.int(),
  qtyCancelRequested: z.int(),
  unitMinor: z.int(),
  dueAt: z.string(),
})

const PaymentRow = z.object({
  orderId: z.string(),
  id: z.string(),
  method: z.string(),
  seq: z.int(),
  amountMinor: z.int(),
  state: z.string(),
  paidAt: z.string(),
})

const ShipmentRow = z.object({
  orderItemId: z.string(),
  id: z.string(),
  direction: z.enum(['out', 'return']),
  qty: z.int(),
  carrier: z.string().nullable(),
  tracking: z.string().nullable(),
  reason: z.string().nullable(),
  outcome: z.string().nullable(),
  shippedAt: z.string(),
  deliveredAt: z.string().nullable(),
})

const rows = {
  order: table('orders', OrderRow),
  items: many('order_items', ItemRow),
  payments: many('payments', PaymentRow, ['orderId', 'id']),
  shipments: many('shipments', ShipmentRow, ['orderItemId', 'id']),
}

/** The state that commands on an order decide with: its rows in the four tables. */
export type OrderRows = RowsOf<typeof rows>

/** The key of a line: derived, so that an event alone addresses its row. */
export function itemId(orderId: string, line: number): string {
  return `${orderId}/${line}`
}

/** An order: its head, lines, payments, and shipments both ways. */
export const Order = aggregate('order', {
  id: z.uuid(),
  rows,
  events: orderEvents,
  write: {
    OrderPlaced: ({ id, data }, to) => [
      to.order.insert({
        customerId: data.customerId,
        status: data.status,
        currency: data.currency,
        totalMinor: data.totals.totalMinor,
        placedAt: data.occurredAt,
        expiresAt: data.expiresAt,
        paidAt: null,
      }),
      ...data.lines.map(({ line, sku, sellerId, quantity, unitMinor, dueAt }) =>
        to.items.insert({
          id: itemId(id, line),
          orderId: id,
          line,
          sku,
          sellerId,
          qty: quantity,
          qtyShipped: 0,
          qtyCancelled: 0,
          qtyCancelRequested: 0,
          unitMinor,
          dueAt,
        }),
      ),
    ],
    PaymentRegistered: ({ id, data }, to) => [
      to.payments.insert({
        orderId: id,
        id: data.paymentId,
        method: data.method,
        seq: data.seq,
        amountMinor: data.amountMinor,
        state: data.state,
        paidAt: data.occurredAt,
      }),
    ],
    OrderPaid: ({ data }, to) => [
      to.order.update({ status: data.status, paidAt: data.occurredAt }),
    ],
    ItemsShipped: ({ id, data }, to) => [
      to.order.update({ status: data.status }),
      ...data.items.flatMap((item): RowOperation[] => [
        to.items.update(
          { id: itemId(id, item.line) },
          { qtyShipped: item.quantityShipped, qtyCancelRequested: item.quantityRequested },
        ),
        to.shipments.insert({
          orderItemId: itemId(id, item.line),
          id: data.shipmentId,
          direction: 'out',
          qty: item.quantity,
          carrier: data.carrier,
          tracking: data.tracking,
          reason: null,
          outcome: null,
          shippedAt: data.occurredAt,
          deliveredAt: null,
        }),
      ]),
    ],
    ShipmentDelivered: ({ id, data }, to) =>
      data.items.map(({ line }) =>
        to.shipments.update(
          { orderItemId: itemId(id, line), id: data.shipmentId },
          { deliveredAt: data.deliveredAt },
        ),
      ),
    OrderDelivered: ({ data }, to) => [to.order.update({ status: data.status })],
    CancellationRequested: ({ id, data }, to) =>
      data.items.map(({ line, quantityRequested }) =>
        to.items.update({ id: itemId(id, line) }, { qtyCancelRequested: quantityRequested }),
      ),
    ItemsCancelled: ({ id, data }, to) => [
      to.order.update({ status: data.status }),
      ...data.items.map(({ line, quantityCancelled, quantityRequested }) =>
        to.items.update(
          { id: itemId(id, line) },
          { qtyCancelled: quantityCancelled, qtyCancelRequested: quantityRequested },
        ),
      ),
    ],
    OrderCancelled: ({ data }, to) => [to.order.update({ status: data.status })],
    OrderExpired: ({ id, data }, to) => [
      to.order.update({ status: data.status }),
      ...data.items.map(({ line, quantityCancelled, quantityRequested }) =>
        to.items.update(
          { id: itemId(id, line) },
          { qtyCancelled: quantityCancelled, qtyCancelRequested: quantityRequested },
        ),
      ),
    ],
    RefundDue: () => [],
    ReturnRegistered: ({ id, data }, to) =>
      data.items.map(({ line, quantity }) =>
        to.shipments.insert({
          orderItemId: itemId(id, line),
          id: data.returnId,
          direction: 'return',
          qty: quantity,
          carrier: null,
          tracking: null,
          reason: data.reason,
          outcome: null,
          shippedAt: data.occurredAt,
          deliveredAt: null,
        }),
      ),
    ReturnHandled: ({ id, data }, to) =>
      data.items.map(({ line }) =>
        to.shipments.update(
          { orderItemId: itemId(id, line), id: data.returnId },
          { outcome: data.outcome, deliveredAt: data.occurredAt },
        ),
      ),
  },
})
