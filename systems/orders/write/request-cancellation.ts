import { z } from 'zod'
import { customerOrSupport } from './access.ts'
import {
  cancellable,
  cancellationRejections,
  isProblem,
  rejectProblem,
} from './cancellable-lines.ts'
import { CancellationRequested } from './events.ts'
import { OccurredAt, OpenLines, OrderId, utc, Words } from './fields.ts'
import { after } from './order-course.ts'
import { Order } from './order.ts'
import { exampleOrderId } from './place-order.ts'
import { happened, stillToCome } from './stated-time.ts'

/** The customer asks to cancel what is open. Nothing is cancelled yet: the seller or support decides. */
export const requestCancellation = Order.command('requestCancellation', {
  input: z.strictObject({
    orderId: OrderId,
    items: OpenLines.optional().describe('Default: all that is open'),
    reason: Words(200),
    occurredAt: OccurredAt,
  }),
  target: ({ orderId }) => orderId,
  on: 'existing',
  may: customerOrSupport,
  rejections: { ...happened, ...cancellationRejections },
  decide({ input, rows, now, reject }) {
    const future = stillToCome(input, now)
    if (future !== undefined) return reject.TIME_IN_FUTURE(future)
    const found = cancellable(rows, input.items)
    if (isProblem(found)) return rejectProblem(found, reject)
    const items = found.map(({ item, quantity }) => ({
      line: item.line,
      sellerId: item.sellerId,
      quantityRequested: quantity,
    }))
    const occurredAt = utc(input.occurredAt ?? now)
    return CancellationRequested({ ...after(rows, rows, occurredAt), reason: input.reason, items })
  },
  examples: [
    {
      as: { role: 'customer', id: 'c-1001' },
      input: { orderId: exampleOrderId, items: [{ line: 2 }], reason: 'Ordered twice by mistake' },
    },
  ],
})
