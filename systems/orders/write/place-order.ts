import { conflict, rule } from 'tailrace'
import { z } from 'zod'
import type { Offers } from '../offers.ts'
import { thisCustomerOrSupport } from './access.ts'
import { OrderPlaced } from './events.ts'
import {
  Currency,
  CustomerId,
  Instant,
  linesMax,
  OccurredAt,
  OrderId,
  Quantity,
  Sku,
  UnitMinor,
  utc,
  Words,
} from './fields.ts'
import { after, consequences } from './order-course.ts'
import { itemId, Order, type OrderRows } from './order.ts'
import { happened, stillToCome } from './stated-time.ts'

/** How long a seller has to ship: the due date of a line is this long after the order was placed. */
export const dueDays = 3
const dayMs = 86_400_000

const Input = z.strictObject({
  orderId: OrderId,
  customerId: CustomerId,
  currency: Currency,
  items: z
    .array(
      z.strictObject({
        sku: Sku,
        quantity: Quantity,
        unitMinor: UnitMinor.optional().describe(
          'The price that the buyer saw; another price is PRICE_CHANGED',
        ),
      }),
    )
    .min(1)
    .max(linesMax),
  expiresAt: Instant.optional().describe(
    'Unpaid at this time, the order expires; later than it is placed. Default: it never does',
  ),
  reference: Words(64).optional().describe('The number that people know the order by'),
  occurredAt: OccurredAt,
})

/** Places an order at the prices of an offers snapshot. Only the system may state other prices: those of the past. */
export function placeOrderFrom(offers: Offers) {
  return Order.command('placeOrder', {
    input: Input,
    target: ({ orderId }) => orderId,
    on: 'new',
    exists: 'ORDER_EXISTS',
    may: thisCustomerOrSupport,
    rejections: {
      ...happened,
      UNKNOWN_SKU: rule(z.object({ sku: z.string() })),
      PRICE_CHANGED: rule(z.object({ sku: z.string(), unitMinor: z.int() })),
      EXPIRY_IN_PAST: rule(
        z.object({
          pointer: z.literal('/expiresAt'),
          placedAt: z.iso.datetime().describe('When the order is placed; it expires later'),
        }),
      ),
      CURRENCY_MISMATCH: rule(z.object({ sku: z.string(), currency: z.string() })),
      ORDER_EXISTS: conflict(),
    },
    decide({ input, actor, now, reject }) {
      const future = stillToCome(input, now)
      if (future !== undefined) return reject.TIME_IN_FUTURE(future)
      const occurredAt = utc(input.occurredAt ?? now)
      const expiresAt = input.expiresAt === undefined ? null : utc(input.expiresAt)
      if (expiresAt !== null && expiresAt <= occurredAt)
        return reject.EXPIRY_IN_PAST({ pointer: '/expiresAt', placedAt: occurredAt })
      const dueAt = new Date(Date.parse(occurredAt) + dueDays * dayMs).toISOString()
      const lines: Parameters<typeof OrderPlaced>[0]['lines'] = []
      for (const [i, { sku, quantity, unitMinor }] of input.items.entries()) {
        const offer = offers.bySku.get(sku)
        if (offer === undefined) return reject.UNKNOWN_SKU({ sku })
        if (offer.currency !== input.currency)
          return reject.CURRENCY_MISMATCH({ sku, currency: offer.currency })
        const price = actor.role === 'system' ? (unitMinor ?? offer.unitMinor) : offer.unitMinor
        if (unitMinor !== undefined && unitMinor !== price)
          return reject.PRICE_CHANGED({ sku, unitMinor: price })
        lines.push({
          line: i + 1,
          sku,
          title: offer.title,
          sellerId: offer.sellerId,
          quantity,
          unitMinor: price,
          dueAt,
        })
      }
      const { orderId, customerId, currency } = input
      const rows = newRows({ orderId, customerId, currency, occurredAt, expiresAt, lines })
      const placed = OrderPlaced({
        ...after(undefined, rows, occurredAt),
        customerId,
        reference: input.reference ?? null,
        currency,
        expiresAt,
        lines,
      })
      // An order that costs nothing is paid as soon as it is placed.
      return [placed, ...consequences(rows, rows, { occurredAt, because: 'cancelled' })]
    },
    examples: [{ as: { role: 'customer', id: 'c-1001' }, input: exampleInput }],
  })
}

interface NewOrder {
  readonly orderId: string
  readonly customerId: string
  readonly currency: string
  readonly occurredAt: string
  readonly expiresAt: string | null
  readonly lines: Parameters<typeof OrderPlaced>[0]['lines']
}

function newRows({
  orderId,
  customerId,
  currency,
  occurredAt,
  expiresAt,
  lines,
}: NewOrder): OrderRows {
  return {
    order: {
      id: orderId,
      customerId,
      status: 'placed',
      currency,
      totalMinor: lines.reduce((sum, { quantity, unitMinor }) => sum + quantity * unitMinor, 0),
      version: 0,
      placedAt: occurredAt,
      expiresAt,
      paidAt: null,
    },
    items: lines.map(({ line, sku, sellerId, quantity, unitMinor, dueAt }) => ({
      id: itemId(orderId, line),
      orderId,
      line,
      sku,
      sellerId,
      qty: quantity,
      qtyShipped: 0,
      qtyCancelled: 0,
      qtyCancelRequested: 0,
      unitMinor,
      dueAt,
    })),
    payments: [],
    shipments: [],
  }
}

/** The order that the examples of all commands are about: two lines of one seller, from the seeded offers. */
export const exampleOrderId = '0b6f2f52-5a3c-4f0e-9a55-6f3f7f6a1c01'

const exampleInput: z.input<typeof Input> = {
  orderId: exampleOrderId,
  customerId: 'c-1001',
  currency: 'EUR',
  items: [
    { sku: 'LMP-1001', quantity: 2 },
    { sku: 'LMP-1011', quantity: 1 },
  ],
}
