import { projection } from 'tailrace'
import { z } from 'zod'
import { orderEvents } from '../write/events.ts'
import { onEvery, type OrderEvent } from './order-event.ts'
import { foldOrder } from './order-fold.ts'
import { OrderDoc } from './order-view.ts'

/** The key of a seller's part of an order. */
export function sellerOrderKey(orderId: string, sellerId: string): string {
  return `${orderId}/${sellerId}`
}

const SellerDoc = OrderDoc.extend({ sellerId: z.string() })
type SellerDoc = z.infer<typeof SellerDoc>

/**
 * An order as one of its sellers may know it: a document per order and seller. Sellers search and page over these only, so
 * no text match, count or facet can be about a line of another seller.
 */
export const SellerOrder = projection('seller-order', {
  version: 2,
  from: orderEvents,
  document: SellerDoc,
  key: ({ data }) => data.sellers.map(({ sellerId }) => sellerOrderKey(data.orderId, sellerId)),
  lookup: {
    by: [['sellerId', 'placedAt'], ['sellerId', 'status', 'placedAt'], ['skus']],
    text: ['searchText'],
  },
  on: onEvery(foldSellerOrder),
  lag: { slo: '500ms' },
})

function foldSellerOrder(
  event: OrderEvent,
  doc: Readonly<SellerDoc> | undefined,
  key: string,
): SellerDoc | undefined {
  const sellerId = key.slice(key.indexOf('/') + 1)
  const folded = foldOrder(event, doc, sellerId)
  return folded && { ...folded, sellerId }
}
