import { conflict, rule } from 'tailrace'
import { z } from 'zod'
import { customerOrSupport, linesOfShipment } from './access.ts'
import { ReturnRegistered } from './events.ts'
import { CountedLines, Line, OccurredAt, OrderId, utc, Uuid, Words } from './fields.ts'
import { after } from './order-course.ts'
import { itemOf, returnableOf } from './order-facts.ts'
import { Order } from './order.ts'
import { exampleOrderId } from './place-order.ts'
import { happened, stillToCome } from './stated-time.ts'

/**
 * The customer sends back what was delivered, at most as much as they still hold. A return is of one seller, because one
 * outcome decides on it; only the system, which tells the past as it was, registers others, and support handles those.
 */
export const registerReturn = Order.command('registerReturn', {
  input: z.strictObject({
    orderId: OrderId,
    returnId: Uuid,
    items: CountedLines,
    reason: Words(200),
    occurredAt: OccurredAt,
  }),
  target: ({ orderId }) => orderId,
  on: 'existing',
  may: customerOrSupport,
  rejections: {
    ...happened,
    RETURN_EXISTS: conflict(),
    UNKNOWN_LINE: rule(z.object({ line: Line })),
    /** To be sent as one return for each seller. */
    SEVERAL_SELLERS: rule(
      z.object({
        sellers: z
          .array(z.object({ sellerId: z.string(), lines: z.array(z.int()) }))
          .describe('The lines of each seller; a return holds lines of one'),
      }),
    ),
    QTY_EXCEEDS_DELIVERED: rule(z.object({ line: z.int(), delivered: z.int() })),
  },
  decide({ input, rows, actor, now, reject }) {
    const future = stillToCome(input, now)
    if (future !== undefined) return reject.TIME_IN_FUTURE(future)
    const { returnId, reason } = input
    if (linesOfShipment(rows, returnId).length > 0) return reject.RETURN_EXISTS()
    const items: Parameters<typeof ReturnRegistered>[0]['items'] = []
    for (const { line, quantity } of input.items) {
      const item = itemOf(rows, line)
      if (item === undefined) return reject.UNKNOWN_LINE({ line })
      const delivered = returnableOf(rows, item)
      if (quantity > delivered) return reject.QTY_EXCEEDS_DELIVERED({ line, delivered })
      items.push({ line, sellerId: item.sellerId, quantity })
    }
    const sellers = linesBySeller(items)
    if (sellers.length > 1 && actor.role !== 'system') return reject.SEVERAL_SELLERS({ sellers })
    return ReturnRegistered({
      ...after(rows, rows, utc(input.occurredAt ?? now)),
      returnId,
      reason,
      items,
    })
  },
  examples: [
    {
      as: { role: 'customer', id: 'c-1001' },
      input: {
        orderId: exampleOrderId,
        returnId: '0b6f2f52-5a3c-4f0e-9a55-6f3f7f6a1c04',
        items: [{ line: 1, quantity: 1 }],
        reason: 'The colour does not fit the room',
      },
    },
  ],
})

function linesBySeller(
  items: readonly { readonly line: number; readonly sellerId: string }[],
): { sellerId: string; lines: number[] }[] {
  const inOrder = items.toSorted((a, b) => a.line - b.line)
  return [...Map.groupBy(inOrder, ({ sellerId }) => sellerId)].map(([sellerId, own]) => ({
    sellerId,
    lines: own.map(({ line }) => line),
  }))
}
