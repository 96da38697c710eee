import { app, projection } from 'tailrace'
import { z } from 'zod'
import { onEvery, type OrderEvent } from '../../systems/orders/read/order-event.ts'
import { seededOffers } from '../../systems/orders/seeded-offers.ts'
import { orderEvents } from '../../systems/orders/write/events.ts'
import { Order } from '../../systems/orders/write/order.ts'
import { placeOrderFrom } from '../../systems/orders/write/place-order.ts'
import { registerPayment } from '../../systems/orders/write/register-payment.ts'

/** Hears of each event at the moment at which a projection's handler has it in hand. */
export type Arrival = (commandId: string, position: bigint) => void

/** The orders of the order system, with one small read model that tells when events arrive. */
export function arrivalApp(arrived: Arrival) {
  const OrderState = projection('order-state', {
    version: 1,
    from: orderEvents,
    document: z.object({
      customerId: z.string().nullable(),
      status: z.string(),
      totalMinor: z.int(),
      paidMinor: z.int(),
      occurredAt: z.string(),
      version: z.int(),
    }),
    key: ({ data }) => data.orderId,
    on: onEvery((event: OrderEvent) => {
      arrived(event.correlationId, event.position)
      const { data, version } = event
      return {
        customerId: event.type === 'OrderPlaced' ? event.data.customerId : null,
        status: data.status,
        totalMinor: data.totals.totalMinor,
        paidMinor: data.totals.paidMinor,
        occurredAt: data.occurredAt,
        version,
      }
    }),
  })
  return app({
    aggregates: { Order },
    commands: { placeOrder: placeOrderFrom(seededOffers()), registerPayment },
    projections: { OrderState },
    queries: {},
  })
}
