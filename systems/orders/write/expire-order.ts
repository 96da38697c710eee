import { conflict, schedule } from 'tailrace'
import { z } from 'zod'
import { OrderExpired } from './events.ts'
import { OrderId, utc } from './fields.ts'
import { after, consequences } from './order-course.ts'
import { openOf, withItems, withStatus, type ItemRow } from './order-facts.ts'
import { Order } from './order.ts'
import { Transition, type Status } from './order-status.ts'

/** Ends an order that was not paid in time. Sent by the timer only. */
export const expireOrder = Order.command('expireOrder', {
  input: z.strictObject({ orderId: OrderId }),
  target: ({ orderId }) => orderId,
  on: 'existing',
  may: 'system',
  rejections: { ILLEGAL_TRANSITION: conflict(Transition) },
  decide({ rows, now, reject }) {
    const from = rows.order.status as Status
    if (from !== 'placed') return reject.ILLEGAL_TRANSITION({ from, to: 'expired' })
    const occurredAt = utc(now)
    const changes = new Map<number, Partial<ItemRow>>()
    const items = rows.items.map((item) => {
      changes.set(item.line, { qtyCancelled: item.qty, qtyCancelRequested: 0 })
      return {
        line: item.line,
        sellerId: item.sellerId,
        quantity: openOf(item),
        quantityCancelled: item.qty,
        quantityRequested: 0,
      }
    })
    const next = withStatus(withItems(rows, changes), 'expired')
    return [
      OrderExpired({
        ...after(rows, next, occurredAt),
        expiresAt: rows.order.expiresAt ?? occurredAt,
        items: items.filter(({ quantity }) => quantity > 0).toSorted((a, b) => a.line - b.line),
      }),
      ...consequences(rows, next, { occurredAt, because: 'expired' }),
    ]
  },
})

/** An order with `expiresAt` expires then, unless it was paid or cancelled before. */
export const orderExpiry = schedule('order-expiry', Order, {
  OrderPlaced: ({ data }) =>
    data.expiresAt === null
      ? undefined
      : { at: data.expiresAt, call: expireOrder.call({ orderId: data.orderId }) },
  OrderPaid: () => 'cancel',
  OrderCancelled: () => 'cancel',
})
