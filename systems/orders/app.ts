import { app } from 'tailrace'
import type { Offers } from './offers.ts'
import { audited, noAudit, type Audit } from './read/audit.ts'
import { CustomerOrders, customerOrders } from './read/customer-orders.ts'
import { Operations, operations } from './read/operations.ts'
import { order, OrderDocument } from './read/order-document.ts'
import { OrderStatus, orderStatus, orderStatuses } from './read/order-status.ts'
import { searchOrders } from './read/search-orders.ts'
import { SellerOrder } from './read/seller-order.ts'
import { SellerQueue, sellerQueue } from './read/seller-queue.ts'
import { seededOffers } from './seeded-offers.ts'
import { cancelItems } from './write/cancel-items.ts'
import { confirmDelivery } from './write/confirm-delivery.ts'
import { expireOrder, orderExpiry } from './write/expire-order.ts'
import { handleReturn } from './write/handle-return.ts'
import { Order } from './write/order.ts'
import { placeOrderFrom } from './write/place-order.ts'
import { registerPayment } from './write/register-payment.ts'
import { registerReturn } from './write/register-return.ts'
import { requestCancellation } from './write/request-cancellation.ts'
import { shipItems } from './write/ship-items.ts'

/** What an order system needs from the process that it runs in. */
export interface OrdersOptions {
  readonly offers: Offers
  /** Where answers to support are recorded. Default: nowhere. */
  readonly audit?: Audit
}

/** The order system: every command, read model and query. Their examples work in this order on an empty system. */
export function ordersApp({ offers, audit = noAudit }: OrdersOptions) {
  return app({
    aggregates: { Order },
    commands: {
      placeOrder: placeOrderFrom(offers),
      registerPayment,
      shipItems,
      confirmDelivery,
      requestCancellation,
      cancelItems,
      registerReturn,
      handleReturn,
      expireOrder,
    },
    schedules: { orderExpiry },
    projections: {
      OrderDocument,
      SellerOrder,
      OrderStatus,
      CustomerOrders,
      SellerQueue,
      Operations,
    },
    queries: audited(
      { order, orderStatus, orderStatuses, searchOrders, customerOrders, sellerQueue, operations },
      audit,
    ),
  })
}

/** The order system on the seeded offers. `typeof orders` types the client. */
export const orders = ordersApp({ offers: seededOffers() })
