import { eventual, projection, query } from 'tailrace'
import { z } from 'zod'
import { orderEvents } from '../write/events.ts'
import { SellerId, utc } from '../write/fields.ts'
import type { Status } from '../write/order-status.ts'
import { onEvery, type OrderEvent } from './order-event.ts'

const states = ['awaiting-payment', 'to-ship', 'cancellation-requested'] as const

const OpenLine = z.object({
  orderId: z.uuid(),
  reference: z.string().nullable(),
  line: z.int(),
  sellerId: z.string(),
  customerId: z.string(),
  sku: z.string(),
  title: z.string(),
  quantity: z.int(),
  quantityShipped: z.int(),
  quantityCancelled: z.int(),
  quantityOpen: z.int(),
  quantityRequested: z.int(),
  paid: z.boolean().describe('Whether the order is paid: before, nothing of it can be shipped'),
  state: z
    .enum(states)
    .describe('What the line waits for. A requested cancellation comes first, paid or not'),
  placedAt: z.iso.datetime(),
  dueAt: z.iso.datetime(),
})
type OpenLine = z.infer<typeof OpenLine>

/** The open lines of all sellers: a document per line, gone when nothing of it is open. */
export const SellerQueue = projection('seller-queue', {
  version: 2,
  from: orderEvents,
  document: OpenLine,
  key: (event) => touchedLines(event).map((line) => `${event.data.orderId}/${line}`),
  lookup: {
    by: [
      ['sellerId', 'dueAt'],
      ['sellerId', 'state'],
      ['sellerId', 'paid', 'dueAt'],
    ],
  },
  on: onEvery((event: OrderEvent, doc: Readonly<OpenLine> | undefined, key: string) =>
    foldLine(event, doc, Number(key.slice(key.indexOf('/') + 1))),
  ),
  lag: { slo: '500ms' },
})

/** Lines that are open after the event, and those that it may have closed. */
function touchedLines({ data }: OrderEvent): number[] {
  const lines = new Set(data.sellers.flatMap(({ openLines }) => openLines))
  if ('items' in data) for (const { line } of data.items) lines.add(line)
  return [...lines]
}

function foldLine(
  event: OrderEvent,
  doc: Readonly<OpenLine> | undefined,
  number: number,
): OpenLine | null | undefined {
  const { status } = event.data
  if (event.type === 'OrderPlaced') return openedLine(event, number)
  if (doc === undefined) return undefined
  const changed = { ...doc, ...changeOf(event, number) }
  const quantityOpen = changed.quantity - changed.quantityShipped - changed.quantityCancelled
  if (quantityOpen === 0) return null
  return { ...changed, quantityOpen, ...waiting(status, changed.quantityRequested) }
}

function openedLine(
  { data }: Extract<OrderEvent, { type: 'OrderPlaced' }>,
  number: number,
): OpenLine {
  const { line, sku, title, sellerId, quantity, dueAt } = data.lines.find(
    (one) => one.line === number,
  )!
  const { orderId, reference, customerId, occurredAt: placedAt, status } = data
  const head = { orderId, reference, line, sellerId, customerId, sku, title, placedAt, dueAt }
  const counted = {
    quantity,
    quantityShipped: 0,
    quantityCancelled: 0,
    quantityOpen: quantity,
    quantityRequested: 0,
  }
  return { ...head, ...counted, ...waiting(status, 0) }
}

/** What the event says of the line: totals after it. */
function changeOf(event: OrderEvent, number: number): Partial<OpenLine> {
  switch (event.type) {
    case 'ItemsShipped':
    case 'ItemsCancelled':
    case 'CancellationRequested':
    case 'OrderExpired': {
      const items: readonly LineAfter[] = event.data.items
      const { quantityShipped, quantityCancelled, quantityRequested } =
        items.find(({ line }) => line === number) ?? {}
      return {
        ...(quantityShipped === undefined ? {} : { quantityShipped }),
        ...(quantityCancelled === undefined ? {} : { quantityCancelled }),
        ...(quantityRequested === undefined ? {} : { quantityRequested }),
      }
    }
    default:
      return {}
  }
}

interface LineAfter {
  readonly line: number
  readonly quantityShipped?: number
  readonly quantityCancelled?: number
  readonly quantityRequested?: number
}

/** A seller can answer a wish to cancel before the order is paid, so the wish shows then, too. */
function waiting(status: Status, requested: number): Pick<OpenLine, 'paid' | 'state'> {
  const paid = status !== 'placed'
  if (requested > 0) return { paid, state: 'cancellation-requested' }
  return { paid, state: paid ? 'to-ship' : 'awaiting-payment' }
}

const Counts = z.object({
  open: z.int().describe('All lines of the queue'),
  awaitingPayment: z
    .int()
    .describe('Of unpaid orders, also those of which a cancellation is requested'),
  toShip: z.int().describe('Paid, and no cancellation requested'),
  cancellationRequested: z.int().describe('The customer waits for an answer, paid or not'),
  late: z
    .int()
    .describe('Paid and past the due date, also while a cancellation is requested; never unpaid'),
})

/** What a seller has open, the most urgent first, with counts; theirs to ask, and support's. */
export const sellerQueue = query('sellerQueue', {
  input: z.strictObject({
    sellerId: SellerId,
    limit: z.int().min(1).max(100).optional().describe('Default: 25'),
    cursor: z.string().min(1).max(2_000).optional(),
  }),
  reads: { queue: SellerQueue },
  may: ({ actor, input }) =>
    actor.role === 'support' || (actor.role === 'seller' && actor.id === input.sellerId),
  freshness: eventual({ wait: '2s' }),
  output: z.object({ items: z.array(OpenLine), counts: Counts, nextCursor: z.string().nullable() }),
  run: async ({ queue }, { sellerId, limit, cursor }, { now }) => {
    const page = queue.find({
      where: { sellerId },
      sort: [['dueAt', 'asc']],
      limit: limit ?? 25,
      ...(cursor === undefined ? {} : { after: cursor }),
      total: true,
      facets: ['state', 'paid'],
    })
    const late = queue.find({
      where: { sellerId, paid: true, dueAt: { lt: utc(now) } },
      limit: 1,
      total: true,
    })
    const [found, foundLate] = await Promise.all([page, late])
    const byState = found.facets['state'] ?? {}
    const counts = {
      open: found.total ?? 0,
      awaitingPayment: found.facets['paid']?.['false'] ?? 0,
      toShip: byState['to-ship'] ?? 0,
      cancellationRequested: byState['cancellation-requested'] ?? 0,
      late: foundLate.total ?? 0,
    }
    return { items: found.items, counts, nextCursor: found.next ?? null }
  },
  examples: [
    { as: { role: 'seller', id: 'lumen-living' }, input: { sellerId: 'lumen-living', limit: 10 } },
  ],
})
