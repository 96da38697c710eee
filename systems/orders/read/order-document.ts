import { eventual, projection, query } from 'tailrace'
import { z } from 'zod'
import { OrderId } from '../write/fields.ts'
import { orderEvents } from '../write/events.ts'
import { exampleOrderId } from '../write/place-order.ts'
import { onEvery, type OrderEvent } from './order-event.ts'
import { foldOrder } from './order-fold.ts'
import { OrderDoc, OrderView, viewOf } from './order-view.ts'
import { SellerOrder, sellerOrderKey } from './seller-order.ts'

/** The whole order in one document, for customers and support. */
export const OrderDocument = projection('order-document', {
  version: 2,
  from: orderEvents,
  document: OrderDoc,
  key: ({ data }) => data.orderId,
  lookup: {
    by: [
      ['customerId', 'placedAt'],
      ['status', 'placedAt'],
      ['placedAt'],
      ['dueAt'],
      ['skus'],
      ['sellerIds'],
    ],
    text: ['searchText'],
  },
  on: onEvery((event: OrderEvent, doc: Readonly<OrderDoc> | undefined) => foldOrder(event, doc)),
  lag: { slo: '500ms' },
})

/** One order with its timeline: all of it for its customer and support, their own lines for a seller; else null. */
export const order = query('order', {
  input: z.strictObject({ orderId: OrderId }),
  reads: { orders: OrderDocument, sellerOrders: SellerOrder },
  may: 'authenticated',
  freshness: eventual({ wait: '2s' }),
  output: OrderView.nullable(),
  run: async ({ orders, sellerOrders }, { orderId }, { actor }) => {
    if (actor.role === 'seller') {
      const part = await sellerOrders.get(sellerOrderKey(orderId, actor.id))
      return part === undefined ? null : viewOf(part)
    }
    const doc = await orders.get(orderId)
    if (doc === undefined) return null
    return actor.role === 'support' || (actor.role === 'customer' && actor.id === doc.customerId)
      ? viewOf(doc)
      : null
  },
  examples: [{ as: { role: 'customer', id: 'c-1001' }, input: { orderId: exampleOrderId } }],
})
