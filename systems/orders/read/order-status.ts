import { eventual, projection, query, type Actor } from 'tailrace'
import { z } from 'zod'
import { orderEvents } from '../write/events.ts'
import { OrderId } from '../write/fields.ts'
import { Status } from '../write/order-status.ts'
import { exampleOrderId } from '../write/place-order.ts'
import { onEvery, type OrderEvent } from './order-event.ts'

const StatusDoc = z.object({
  orderId: z.string(),
  customerId: z.string(),
  sellerIds: z.array(z.string()),
  status: Status,
  version: z.int(),
})
type StatusDoc = z.infer<typeof StatusDoc>

/** The state of an order and nothing else: small, by key, for the most frequent question of all. */
export const OrderStatus = projection('order-status', {
  version: 1,
  from: orderEvents,
  document: StatusDoc,
  key: ({ data }) => data.orderId,
  on: onEvery(foldStatus),
  lag: { slo: '500ms' },
})

function foldStatus(
  { type, data, version }: OrderEvent,
  doc: Readonly<StatusDoc> | undefined,
): StatusDoc | undefined {
  const { orderId, status } = data
  if (type !== 'OrderPlaced') return doc && { ...doc, status, version }
  return {
    orderId,
    customerId: data.customerId,
    sellerIds: data.sellers.map(({ sellerId }) => sellerId),
    status,
    version,
  }
}

const Answer = z.object({ orderId: z.string(), status: Status, version: z.int() })

function visibleTo(actor: Actor, doc: StatusDoc | undefined): z.infer<typeof Answer> | null {
  if (doc === undefined) return null
  const seen =
    actor.role === 'support' ||
    (actor.role === 'customer' && actor.id === doc.customerId) ||
    (actor.role === 'seller' && doc.sellerIds.includes(actor.id))
  return seen ? { orderId: doc.orderId, status: doc.status, version: doc.version } : null
}

/** The state of one order; null when unknown or not the asker's. */
export const orderStatus = query('orderStatus', {
  input: z.strictObject({ orderId: OrderId }),
  reads: { statuses: OrderStatus },
  may: 'authenticated',
  freshness: eventual({ wait: '2s' }),
  output: Answer.nullable(),
  run: async ({ statuses }, { orderId }, { actor }) =>
    visibleTo(actor, await statuses.get(orderId)),
  examples: [{ as: { role: 'customer', id: 'c-1001' }, input: { orderId: exampleOrderId } }],
})

/** The states of several orders, in the order asked; those unknown or not the asker's are left out. */
export const orderStatuses = query('orderStatuses', {
  input: z.strictObject({ orderIds: z.array(OrderId).min(1).max(100) }),
  reads: { statuses: OrderStatus },
  may: 'authenticated',
  freshness: eventual({ wait: '2s' }),
  output: z.array(Answer),
  run: async ({ statuses }, { orderIds }, { actor }) => {
    const docs = await statuses.getMany(orderIds)
    return docs.map((doc) => visibleTo(actor, doc)).filter((answer) => answer !== null)
  },
  examples: [{ as: { role: 'customer', id: 'c-1001' }, input: { orderIds: [exampleOrderId] } }],
})
