import { conflict, rule } from 'tailrace'
import { z } from 'zod'
import { linesOfShipment, sellerOrSupport } from './access.ts'
import { ReturnHandled } from './events.ts'
import { OccurredAt, OrderId, utc, Uuid } from './fields.ts'
import { after, consequences } from './order-course.ts'
import { Order } from './order.ts'
import { exampleOrderId } from './place-order.ts'
import { returnOutcomes } from './reasons.ts'
import { happened, stillToCome } from './stated-time.ts'

/** Decides on a return. Received or approved: the money is due back. Otherwise the customer has a product again. */
export const handleReturn = Order.command('handleReturn', {
  input: z.strictObject({
    orderId: OrderId,
    returnId: Uuid,
    outcome: z.enum(returnOutcomes),
    occurredAt: OccurredAt,
  }),
  target: ({ orderId }) => orderId,
  on: 'existing',
  may: (asked) =>
    sellerOrSupport(asked, linesOfShipment(asked.rows, asked.input.returnId, 'return')),
  rejections: { ...happened, UNKNOWN_RETURN: rule(), ALREADY_HANDLED: conflict() },
  decide({ input, rows, now, reject }) {
    const future = stillToCome(input, now)
    if (future !== undefined) return reject.TIME_IN_FUTURE(future)
    const { returnId, outcome } = input
    const parts = rows.shipments.filter(
      ({ id, direction }) => id === returnId && direction === 'return',
    )
    if (parts.length === 0) return reject.UNKNOWN_RETURN()
    if (parts[0]!.outcome !== null) return reject.ALREADY_HANDLED()
    const occurredAt = utc(input.occurredAt ?? now)
    const byId = new Map(rows.items.map((item) => [item.id, item]))
    const items = parts.map(({ orderItemId, qty }) => {
      const { line, sellerId } = byId.get(orderItemId)!
      return { line, sellerId, quantity: qty }
    })
    const shipments = rows.shipments.map((row) =>
      parts.includes(row) ? { ...row, outcome, deliveredAt: occurredAt } : row,
    )
    const next = { ...rows, shipments }
    return [
      ReturnHandled({
        ...after(rows, next, occurredAt),
        returnId,
        outcome,
        items: items.toSorted((a, b) => a.line - b.line),
      }),
      ...consequences(rows, next, { occurredAt, because: 'returned' }),
    ]
  },
  examples: [
    {
      as: { role: 'seller', id: 'lumen-living' },
      input: {
        orderId: exampleOrderId,
        returnId: '0b6f2f52-5a3c-4f0e-9a55-6f3f7f6a1c04',
        outcome: 'RETURN_RECEIVED',
      },
    },
  ],
})
