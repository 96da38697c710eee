import { eventual, projection, query } from 'tailrace'
import { z } from 'zod'
import { orderEvents } from '../write/events.ts'
import { CustomerId } from '../write/fields.ts'
import { Status } from '../write/order-status.ts'
import { onEvery, type OrderEvent } from './order-event.ts'

const titlesMax = 3

const CustomerOrder = z.object({
  orderId: z.uuid(),
  customerId: z.string(),
  reference: z.string().nullable(),
  status: Status,
  version: z.int(),
  currency: z.string(),
  totalMinor: z.int(),
  paidMinor: z.int(),
  placedAt: z.iso.datetime(),
  lineCount: z.int(),
  titles: z.array(z.string()).describe('Of the first lines'),
})
type CustomerOrder = z.infer<typeof CustomerOrder>

/** The orders of each customer, as small as a list needs them. */
export const CustomerOrders = projection('customer-orders', {
  version: 1,
  from: orderEvents,
  document: CustomerOrder,
  key: ({ data }) => data.orderId,
  lookup: { by: [['customerId', 'placedAt']] },
  on: onEvery(foldCustomerOrder),
  lag: { slo: '500ms' },
})

function foldCustomerOrder(
  { type, data, version }: OrderEvent,
  doc: Readonly<CustomerOrder> | undefined,
): CustomerOrder | undefined {
  const { orderId, status, totals } = data
  const { totalMinor, paidMinor } = totals
  if (type !== 'OrderPlaced') return doc && { ...doc, status, version, totalMinor, paidMinor }
  const { customerId, reference, currency, occurredAt: placedAt, lines } = data
  const titles = lines.slice(0, titlesMax).map(({ title }) => title)
  const head = {
    orderId,
    customerId,
    reference,
    status,
    version,
    currency,
    totalMinor,
    paidMinor,
    placedAt,
  }
  return { ...head, lineCount: lines.length, titles }
}

/** A customer's orders, newest first; theirs to ask, and support's. */
export const customerOrders = query('customerOrders', {
  input: z.strictObject({
    customerId: CustomerId,
    limit: z.int().min(1).max(100).optional().describe('Default: 25'),
    cursor: z.string().min(1).max(2_000).optional(),
  }),
  reads: { orders: CustomerOrders },
  may: ({ actor, input }) =>
    actor.role === 'support' || (actor.role === 'customer' && actor.id === input.customerId),
  freshness: eventual({ wait: '2s' }),
  output: z.object({ items: z.array(CustomerOrder), nextCursor: z.string().nullable() }),
  run: async ({ orders }, { customerId, limit, cursor }) => {
    const found = await orders.find({
      where: { customerId },
      sort: [['placedAt', 'desc']],
      limit: limit ?? 25,
      ...(cursor === undefined ? {} : { after: cursor }),
    })
    return { items: found.items, nextCursor: found.next ?? null }
  },
  examples: [{ as: { role: 'customer', id: 'c-1001' }, input: { customerId: 'c-1001' } }],
})
