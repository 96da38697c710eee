import { z } from 'zod'
import { Status } from '../write/order-status.ts'
import { returnOutcomes } from '../write/reasons.ts'

/** An order as people see it: everything in one document. */

export const LineView = z.object({
  line: z.int(),
  sku: z.string(),
  title: z.string(),
  sellerId: z.string(),
  quantity: z.int(),
  quantityShipped: z.int(),
  quantityCancelled: z.int(),
  /** How much of it the customer asked to cancel. */
  quantityRequested: z.int(),
  unitMinor: z.int(),
  dueAt: z.iso.datetime(),
})

const Portion = z.object({ line: z.int(), quantity: z.int() })

const PaymentView = z.object({
  paymentId: z.string(),
  method: z.string(),
  amountMinor: z.int(),
  state: z.enum(['received', 'refund-due']),
  paidAt: z.iso.datetime(),
})

const ShipmentView = z.object({
  shipmentId: z.string(),
  carrier: z.string(),
  tracking: z.string(),
  shippedAt: z.iso.datetime(),
  deliveredAt: z.iso.datetime().nullable(),
  /** The carrier reported the delivery before the shipping. */
  deliveredBeforeShipped: z.boolean(),
  items: z.array(Portion),
})

const ReturnView = z.object({
  returnId: z.string(),
  reason: z.string(),
  registeredAt: z.iso.datetime(),
  outcome: z.enum(returnOutcomes).nullable(),
  handledAt: z.iso.datetime().nullable(),
  items: z.array(Portion),
})

export const TimelineEntry = z.object({ at: z.iso.datetime(), type: z.string(), text: z.string() })

const shown = {
  orderId: z.uuid(),
  customerId: z.string(),
  reference: z.string().nullable(),
  status: Status,
  version: z.int(),
  currency: z.string(),
  totalMinor: z.int(),
  paidMinor: z.int(),
  cancelledMinor: z.int(),
  refundDueMinor: z.int(),
  placedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
  /** When the next open line is due; null while there is nothing that could be shipped. */
  dueAt: z.iso.datetime().nullable(),
  lines: z.array(LineView),
  payments: z.array(PaymentView),
  shipments: z.array(ShipmentView),
  returns: z.array(ReturnView),
  timeline: z.array(TimelineEntry).describe('At most 200 entries, the oldest first'),
  timelineLeftOut: z
    .int()
    .describe(
      'How many entries of a longer story are left out; one entry, EntriesLeftOut, says so',
    ),
}

/** What the query `order` answers. */
export const OrderView = z.object(shown)
export type OrderView = z.infer<typeof OrderView>

/** What is stored: with the fields that only searching needs. */
export const OrderDoc = z.object({
  ...shown,
  skus: z.array(z.string()),
  sellerIds: z.array(z.string()),
  /** Order number, reference, titles and tracking numbers: what a text search looks at. */
  searchText: z.string(),
})
export type OrderDoc = z.infer<typeof OrderDoc>

/** The document without what only searching needs. */
export function viewOf(doc: OrderDoc): OrderView {
  return Object.fromEntries(shownFields.map((field) => [field, doc[field]])) as OrderView
}

const shownFields = Object.keys(shown) as (keyof OrderView)[]
