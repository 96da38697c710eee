import { conflict, rule } from 'tailrace'
import { z } from 'zod'
import { linesOfShipment, sellerOrSupport } from './access.ts'
import { ItemsShipped } from './events.ts'
import { Line, OccurredAt, OpenLines, OrderId, utc, Uuid, Words } from './fields.ts'
import { after, consequences, proceed } from './order-course.ts'
import { itemOf, openOf, paidAtOf, withItems, type ItemRow } from './order-facts.ts'
import { Order } from './order.ts'
import { Transition, type Status } from './order-status.ts'
import { exampleOrderId } from './place-order.ts'
import { happened, stillToCome } from './stated-time.ts'

/** Hands lines, or parts of lines, to a carrier. Only what is paid and open. */
export const shipItems = Order.command('shipItems', {
  input: z.strictObject({
    orderId: OrderId,
    shipmentId: Uuid,
    items: OpenLines,
    carrier: Words(64),
    tracking: Words(64),
    occurredAt: OccurredAt,
  }),
  target: ({ orderId }) => orderId,
  on: 'existing',
  may: (asked) =>
    sellerOrSupport(
      asked,
      asked.input.items.map(({ line }) => line),
    ),
  rejections: {
    ...happened,
    NOT_PAID: conflict(),
    ILLEGAL_TRANSITION: conflict(Transition),
    SHIPMENT_EXISTS: conflict(),
    UNKNOWN_LINE: rule(z.object({ line: Line })),
    QTY_EXCEEDS_OPEN: rule(z.object({ line: z.int(), open: z.int() })),
  },
  decide({ input, rows, now, reject }) {
    const future = stillToCome(input, now)
    if (future !== undefined) return reject.TIME_IN_FUTURE(future)
    const { shipmentId, carrier, tracking } = input
    const from = rows.order.status as Status
    if (from === 'placed') return reject.NOT_PAID()
    if (from === 'cancelled' || from === 'expired')
      return reject.ILLEGAL_TRANSITION({ from, to: 'shipped' })
    if (linesOfShipment(rows, shipmentId).length > 0) return reject.SHIPMENT_EXISTS()
    const items: Parameters<typeof ItemsShipped>[0]['items'] = []
    const changes = new Map<number, Partial<ItemRow>>()
    for (const { line, quantity } of input.items) {
      const item = itemOf(rows, line)
      if (item === undefined) return reject.UNKNOWN_LINE({ line })
      const open = openOf(item)
      if (open === 0 || (quantity ?? open) > open) return reject.QTY_EXCEEDS_OPEN({ line, open })
      const shipped = quantity ?? open
      const quantityShipped = item.qtyShipped + shipped
      const quantityRequested = Math.min(item.qtyCancelRequested, open - shipped)
      items.push({
        line,
        sellerId: item.sellerId,
        quantity: shipped,
        quantityShipped,
        quantityRequested,
      })
      changes.set(line, { qtyShipped: quantityShipped, qtyCancelRequested: quantityRequested })
    }
    const occurredAt = utc(input.occurredAt ?? now)
    const shipments = items.map(({ line, quantity }) => ({
      orderItemId: itemOf(rows, line)!.id,
      id: shipmentId,
      direction: 'out' as const,
      qty: quantity,
      carrier,
      tracking,
      reason: null,
      outcome: null,
      shippedAt: occurredAt,
      deliveredAt: null,
    }))
    const next = proceed(rows, {
      ...withItems(rows, changes),
      shipments: [...rows.shipments, ...shipments],
    })
    const common = after(rows, next, occurredAt)
    return [
      ItemsShipped({ ...common, shipmentId, carrier, tracking, paidAt: paidAtOf(rows), items }),
      ...consequences(rows, next, { occurredAt, because: 'cancelled' }),
    ]
  },
  examples: [
    {
      as: { role: 'seller', id: 'lumen-living' },
      input: {
        orderId: exampleOrderId,
        shipmentId: '0b6f2f52-5a3c-4f0e-9a55-6f3f7f6a1c03',
        items: [{ line: 1, quantity: 1 }],
        carrier: 'PostNL',
        tracking: '3SABCD4567890',
      },
    },
  ],
})
