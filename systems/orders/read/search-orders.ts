import { eventual, query, type Actor, type DocumentReader, type Where } from 'tailrace'
import { z } from 'zod'
import { CustomerId, Instant, SellerId, Sku, utc, Words } from '../write/fields.ts'
import { Status, statuses } from '../write/order-status.ts'
import { OrderDocument } from './order-document.ts'
import { LineView, OrderView, type OrderDoc } from './order-view.ts'
import { SellerOrder } from './seller-order.ts'

const Input = z.strictObject({
  text: Words(200)
    .optional()
    .describe('Words of the order number, product titles or tracking; the last may be a beginning'),
  customerId: CustomerId.optional(),
  sku: Sku.optional(),
  sellerId: SellerId.optional(),
  status: z.array(Status).min(1).max(statuses.length).optional(),
  placedFrom: Instant.optional().describe('Placed at or after'),
  placedTo: Instant.optional().describe('Placed before'),
  late: z
    .boolean()
    .optional()
    .describe('true: something shippable is past its due date; false: nothing is'),
  limit: z.int().min(1).max(100).optional().describe('Default: 25'),
  cursor: z.string().min(1).max(2_000).optional(),
})
type Input = z.infer<typeof Input>

/** How many lines of an order a list shows; `lineCount` says how many there are. */
const shownLinesMax = 5

const ListedOrder = OrderView.pick({
  orderId: true,
  customerId: true,
  reference: true,
  status: true,
  version: true,
  currency: true,
  totalMinor: true,
  paidMinor: true,
  placedAt: true,
  dueAt: true,
}).extend({
  late: z.boolean(),
  lineCount: z.int(),
  lines: z.array(
    LineView.pick({ line: true, sku: true, title: true, sellerId: true, quantity: true }),
  ),
})

const Output = z.object({
  items: z.array(ListedOrder),
  total: z.int(),
  facets: z.object({ status: z.record(Status, z.int()) }),
  nextCursor: z.string().nullable(),
})

/** Finds orders by text and filters, newest first, with counts per status. Everyone finds only what is theirs. */
export const searchOrders = query('searchOrders', {
  input: Input,
  reads: { orders: OrderDocument, sellerOrders: SellerOrder },
  may: 'authenticated',
  freshness: eventual({ wait: '2s' }),
  output: Output,
  run: async ({ orders, sellerOrders }, input, { actor, now }) => {
    const { customerId, sellerId } = input
    const customer = customerId === undefined ? {} : { customerId }
    const seller = sellerId === undefined ? {} : { sellerIds: { has: sellerId } }
    // The condition that makes an answer the asker's is part of the search; nobody else's order is ever counted.
    switch (actor.role) {
      case 'support':
        return search(orders, { ...customer, ...seller }, input, now)
      case 'customer':
        return isOwn(customerId, actor)
          ? search(orders, { ...seller, customerId: actor.id }, input, now)
          : nothing
      case 'seller':
        return isOwn(sellerId, actor)
          ? search(sellerOrders, { ...customer, sellerId: actor.id }, input, now)
          : nothing
      default:
        return nothing
    }
  },
  examples: [
    { as: { role: 'customer', id: 'c-1001' }, input: { text: 'lamp', limit: 10 } },
    {
      as: { role: 'support', id: 'sam' },
      input: { status: ['paid', 'partially-shipped'], late: true },
    },
  ],
})

type Found = z.infer<typeof Output>

const nothing: Found = { items: [], total: 0, facets: { status: perStatus({}) }, nextCursor: null }

function isOwn(asked: string | undefined, actor: Actor): boolean {
  return asked === undefined || asked === actor.id
}

async function search<D extends OrderDoc>(
  reader: DocumentReader<D>,
  own: Where<OrderDoc & { sellerId: string }>,
  input: Input,
  now: string,
): Promise<Found> {
  const found = await reader.find({
    where: { ...own, ...filters(input, now) } as Where<D>,
    ...(input.text === undefined ? {} : { text: input.text }),
    sort: [['placedAt', 'desc']],
    limit: input.limit ?? 25,
    ...(input.cursor === undefined ? {} : { after: input.cursor }),
    total: true,
    facets: ['status'],
  })
  return {
    items: found.items.map((doc) => listed(doc, now)),
    total: found.total ?? 0,
    facets: { status: perStatus(found.facets['status'] ?? {}) },
    nextCursor: found.next ?? null,
  }
}

function filters({ sku, status, placedFrom, placedTo, late }: Input, now: string): Where<OrderDoc> {
  const placed = {
    ...(placedFrom === undefined ? {} : { gte: utc(placedFrom) }),
    ...(placedTo === undefined ? {} : { lt: utc(placedTo) }),
  }
  return {
    ...(sku === undefined ? {} : { skus: { has: sku } }),
    ...(status === undefined ? {} : { status }),
    ...(Object.keys(placed).length === 0 ? {} : { placedAt: placed }),
    ...(late === true ? { dueAt: { lt: utc(now) } } : {}),
    ...(late === false ? { any: [{ dueAt: null }, { dueAt: { gte: utc(now) } }] } : {}),
  }
}

function listed(doc: OrderDoc, now: string): z.infer<typeof ListedOrder> {
  const {
    orderId,
    customerId,
    reference,
    status,
    version,
    currency,
    totalMinor,
    paidMinor,
    placedAt,
    dueAt,
  } = doc
  const lines = doc.lines
    .slice(0, shownLinesMax)
    .map(({ line, sku, title, sellerId, quantity }) => ({ line, sku, title, sellerId, quantity }))
  const late = dueAt !== null && dueAt < utc(now)
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
    dueAt,
  }
  return { ...head, late, lineCount: doc.lines.length, lines }
}

function perStatus(counts: Readonly<Record<string, number>>): Record<Status, number> {
  return Object.fromEntries(statuses.map((status) => [status, counts[status] ?? 0])) as Record<
    Status,
    number
  >
}
