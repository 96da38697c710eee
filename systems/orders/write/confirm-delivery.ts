import { conflict, rule } from 'tailrace'
import { z } from 'zod'
import { linesOfShipment, parcelSellerOrSupport } from './access.ts'
import { ShipmentDelivered } from './events.ts'
import { Instant, OccurredAt, OrderId, utc, Uuid } from './fields.ts'
import { after, consequences, proceed } from './order-course.ts'
import { Order } from './order.ts'
import { exampleOrderId } from './place-order.ts'
import { happened, stillToCome } from './stated-time.ts'

/** Says that a shipment has arrived. Carriers report times before the shipping: those are taken and flagged. */
export const confirmDelivery = Order.command('confirmDelivery', {
  input: z.strictObject({
    orderId: OrderId,
    shipmentId: Uuid,
    deliveredAt: Instant.optional().describe(
      'As the carrier reports it, and never to come. Before the shipping: taken and flagged. Default: now',
    ),
    occurredAt: OccurredAt,
  }),
  target: ({ orderId }) => orderId,
  on: 'existing',
  may: (asked) =>
    parcelSellerOrSupport(asked, linesOfShipment(asked.rows, asked.input.shipmentId, 'out')),
  rejections: { ...happened, UNKNOWN_SHIPMENT: rule(), ALREADY_DELIVERED: conflict() },
  decide({ input, rows, now, reject }) {
    const future = stillToCome(input, now)
    if (future !== undefined) return reject.TIME_IN_FUTURE(future)
    const { shipmentId } = input
    const parts = rows.shipments.filter(
      ({ id, direction }) => id === shipmentId && direction === 'out',
    )
    const [first] = parts
    if (first === undefined) return reject.UNKNOWN_SHIPMENT()
    if (first.deliveredAt !== null) return reject.ALREADY_DELIVERED()
    const occurredAt = utc(input.occurredAt ?? now)
    const deliveredAt = input.deliveredAt === undefined ? occurredAt : utc(input.deliveredAt)
    const byId = new Map(rows.items.map((item) => [item.id, item]))
    const items = parts.map(({ orderItemId, qty }) => {
      const { line, sellerId } = byId.get(orderItemId)!
      return { line, sellerId, quantity: qty }
    })
    const shipments = rows.shipments.map((row) =>
      parts.includes(row) ? { ...row, deliveredAt } : row,
    )
    const next = proceed(rows, { ...rows, shipments })
    return [
      ShipmentDelivered({
        ...after(rows, next, occurredAt),
        shipmentId,
        shippedAt: first.shippedAt,
        deliveredAt,
        deliveredBeforeShipped: deliveredAt < first.shippedAt,
        items: items.toSorted((a, b) => a.line - b.line),
      }),
      ...consequences(rows, next, { occurredAt, because: 'cancelled' }),
    ]
  },
  examples: [
    {
      as: { role: 'seller', id: 'lumen-living' },
      input: { orderId: exampleOrderId, shipmentId: '0b6f2f52-5a3c-4f0e-9a55-6f3f7f6a1c03' },
    },
  ],
})
