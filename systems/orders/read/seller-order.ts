import { projection } from 'tailrace'
import { orderEvents } from '../write/events.ts'
import { onEvery, type OrderEvent } from './order-event.ts'
import { foldOrder } from './order-fold.ts'
import { OrderDoc } from './order-view.ts'

/** The key of a seller's part of an order. */
export function sellerOrderKey(orderId: string, sellerId: string): string {
  return `${orderId}/${sellerId}`
}

/**
 * An order as one of its sellers may know it: a document per order and seller. Sellers search and page over these only, so
 * no text match, count or facet can be about a line of another seller.
 */
export const SellerOrder = projection('seller-order', {
  version: 1,
  from: orderEvents,
  document: OrderDoc,
  key: ({ data }) => data.sellers.map(({ sellerId }) => sellerOrderKey(data.orderId, sellerId)),
  lookup: {
    by: [['sellerIds', 'placedAt'], ['skus']],
    text: ['searchText'],
  },
  on: onEvery((event: OrderEvent, doc: Readonly<OrderDoc> | undefined, key: string) =>
    foldOrder(event, doc, key.slice(key.indexOf('/') + 1)),
  ),
  lag: { slo: '500ms' },
})
