import { z } from 'zod'
import { sellerOrSupport } from './access.ts'
import {
  cancellable,
  cancellationRejections,
  isProblem,
  rejectProblem,
} from './cancellable-lines.ts'
import { ItemsCancelled } from './events.ts'
import { OccurredAt, OpenLines, OrderId, utc, Words } from './fields.ts'
import { after, consequences, proceed } from './order-course.ts'
import { withItems, type ItemRow } from './order-facts.ts'
import { Order } from './order.ts'
import { exampleOrderId } from './place-order.ts'
import { cancellationReasons } from './reasons.ts'
import { happened, stillToCome } from './stated-time.ts'

/** Cancels what is open of lines. When nothing is left the order is cancelled; what was paid for it is due back. */
export const cancelItems = Order.command('cancelItems', {
  input: z.strictObject({
    orderId: OrderId,
    items: OpenLines,
    reason: Words(200).describe(`A code (${cancellationReasons.join(', ')}) or a text`),
    occurredAt: OccurredAt,
  }),
  target: ({ orderId }) => orderId,
  on: 'existing',
  may: (asked) =>
    sellerOrSupport(
      asked,
      asked.input.items.map(({ line }) => line),
    ),
  rejections: { ...happened, ...cancellationRejections },
  decide({ input, rows, now, reject }) {
    const future = stillToCome(input, now)
    if (future !== undefined) return reject.TIME_IN_FUTURE(future)
    const found = cancellable(rows, input.items)
    if (isProblem(found)) return rejectProblem(found, reject)
    const changes = new Map<number, Partial<ItemRow>>()
    const items = found.map(({ item, quantity }) => {
      const { line, sellerId } = item
      const quantityCancelled = item.qtyCancelled + quantity
      // A request of the customer is answered by as much as is cancelled.
      const quantityRequested = Math.max(0, item.qtyCancelRequested - quantity)
      changes.set(line, { qtyCancelled: quantityCancelled, qtyCancelRequested: quantityRequested })
      return { line, sellerId, quantity, quantityCancelled, quantityRequested }
    })
    const occurredAt = utc(input.occurredAt ?? now)
    const next = proceed(rows, withItems(rows, changes))
    const { reason } = input
    return [
      ItemsCancelled({ ...after(rows, next, occurredAt), reason, items }),
      ...consequences(rows, next, { occurredAt, reason, because: 'cancelled' }),
    ]
  },
  examples: [
    {
      as: { role: 'seller', id: 'lumen-living' },
      input: { orderId: exampleOrderId, items: [{ line: 2 }], reason: 'REQUESTED_BY_CUSTOMER' },
    },
  ],
})
