import { event } from 'tailrace'
import { z } from 'zod'
import { Status } from './order-status.ts'
import { returnOutcomes } from './reasons.ts'

/**
 * What every event of an order says: the state that it leaves behind. With it no read model ever needs the write model,
 * and none needs to add up: quantities and amounts are totals after the event, not differences.
 */
const after = {
  orderId: z.string(),
  /** When it happened in the world. The envelope's `at` is when it was recorded. */
  occurredAt: z.string(),
  /** The status before; null when the order is new. */
  was: Status.nullable(),
  status: Status,
  /** Of ordered lines, received payments, cancelled lines, and what is to be paid back. Minor units. */
  totals: z.object({
    totalMinor: z.int(),
    paidMinor: z.int(),
    cancelledMinor: z.int(),
    refundDueMinor: z.int(),
  }),
  /** Who sells on this order, and which of their lines are open. */
  sellers: z.array(z.object({ sellerId: z.string(), openLines: z.array(z.int()) })),
}
export const After = z.object(after)
export type After = z.infer<typeof After>

const PlacedLine = z.object({
  line: z.int(),
  sku: z.string(),
  title: z.string(),
  sellerId: z.string(),
  quantity: z.int(),
  unitMinor: z.int(),
  dueAt: z.string(),
})

const quantities = { line: z.int(), sellerId: z.string(), quantity: z.int() }

export const OrderPlaced = event(
  'OrderPlaced',
  z.object({
    ...after,
    customerId: z.string(),
    /** The number that the customer or merchant knows the order by. */
    reference: z.string().nullable(),
    currency: z.string(),
    expiresAt: z.string().nullable(),
    lines: z.array(PlacedLine),
  }),
)

export const PaymentRegistered = event(
  'PaymentRegistered',
  z.object({
    ...after,
    paymentId: z.string(),
    method: z.enum(['card', 'boleto', 'voucher']),
    seq: z.int(),
    amountMinor: z.int(),
    currency: z.string(),
    /** `refund-due`: it came after the order was cancelled or had expired. */
    state: z.enum(['received', 'refund-due']),
  }),
)

/** All that is to be paid is paid. */
export const OrderPaid = event(
  'OrderPaid',
  z.object({ ...after, currency: z.string(), placedAt: z.string() }),
)

export const ItemsShipped = event(
  'ItemsShipped',
  z.object({
    ...after,
    shipmentId: z.string(),
    carrier: z.string(),
    tracking: z.string(),
    /** When the order became paid. */
    paidAt: z.string(),
    /** `quantity` is in this shipment, `quantityShipped` in all of them; a wish to cancel what is gone now is moot. */
    items: z.array(
      z.object({ ...quantities, quantityShipped: z.int(), quantityRequested: z.int() }),
    ),
  }),
)

export const ShipmentDelivered = event(
  'ShipmentDelivered',
  z.object({
    ...after,
    shipmentId: z.string(),
    shippedAt: z.string(),
    deliveredAt: z.string(),
    /** Carriers report such times; they are taken and flagged. */
    deliveredBeforeShipped: z.boolean(),
    items: z.array(z.object(quantities)),
  }),
)

/** Nothing is open and every shipment has arrived. */
export const OrderDelivered = event(
  'OrderDelivered',
  z.object({ ...after, placedAt: z.string(), lastShippedAt: z.string() }),
)

/** The customer asks; the seller or support decides. */
export const CancellationRequested = event(
  'CancellationRequested',
  z.object({
    ...after,
    reason: z.string(),
    /** `quantityRequested`: how much of the line the customer wants cancelled in all. */
    items: z.array(z.object({ line: z.int(), sellerId: z.string(), quantityRequested: z.int() })),
  }),
)

export const ItemsCancelled = event(
  'ItemsCancelled',
  z.object({
    ...after,
    reason: z.string(),
    items: z.array(
      z.object({ ...quantities, quantityCancelled: z.int(), quantityRequested: z.int() }),
    ),
  }),
)

/** All of the order is cancelled. */
export const OrderCancelled = event('OrderCancelled', z.object({ ...after, reason: z.string() }))

/** Not paid in time: all of it is cancelled by the system. */
export const OrderExpired = event(
  'OrderExpired',
  z.object({
    ...after,
    expiresAt: z.string(),
    items: z.array(
      z.object({ ...quantities, quantityCancelled: z.int(), quantityRequested: z.int() }),
    ),
  }),
)

/** More is received than is to be paid: this much is to be paid back. */
export const RefundDue = event(
  'RefundDue',
  z.object({
    ...after,
    amountMinor: z.int(),
    currency: z.string(),
    because: z.enum(['cancelled', 'expired', 'paid-too-late', 'returned']),
  }),
)

export const ReturnRegistered = event(
  'ReturnRegistered',
  z.object({
    ...after,
    returnId: z.string(),
    reason: z.string(),
    items: z.array(z.object(quantities)),
  }),
)

export const ReturnHandled = event(
  'ReturnHandled',
  z.object({
    ...after,
    returnId: z.string(),
    outcome: z.enum(returnOutcomes),
    items: z.array(z.object(quantities)),
  }),
)

export const orderEvents = [
  OrderPlaced,
  PaymentRegistered,
  OrderPaid,
  ItemsShipped,
  ShipmentDelivered,
  OrderDelivered,
  CancellationRequested,
  ItemsCancelled,
  OrderCancelled,
  OrderExpired,
  RefundDue,
  ReturnRegistered,
  ReturnHandled,
] as const
