import { newId, type OrderData } from './api.ts'
import { money } from './format.ts'
import { rejectionText, type Send } from './send.ts'
import type { Session } from './session.ts'

/** Something a viewer may do with an order. `act` resolves to why it was rejected, or undefined. */
export interface Step {
  readonly name: 'pay' | 'ship' | 'deliver' | 'cancel'
  readonly label: string
  readonly done: string
  readonly tone: 'primary' | 'danger' | ''
  readonly act: (send: Send) => Promise<string | undefined>
}

/** What to offer, by the order's state and the viewer's role. Only a guess: the rules are the server's. */
export function stepsFor(order: OrderData, viewer: Session): readonly Step[] {
  return [
    pay(order, viewer),
    ship(order, viewer),
    deliver(order, viewer),
    cancel(order, viewer),
  ].filter((step) => step !== undefined)
}

function pay(order: OrderData, { role }: Session): Step | undefined {
  const amountMinor = order.totalMinor - order.cancelledMinor - order.paidMinor
  if (role === 'seller' || order.status !== 'placed' || amountMinor <= 0) return undefined
  const { orderId, currency } = order
  return {
    name: 'pay',
    label: `Pay ${money(amountMinor, currency)}`,
    done: 'Payment registered.',
    tone: 'primary',
    act: async (send) =>
      rejectionText(
        await send('registerPayment', {
          orderId,
          paymentId: newId(),
          method: 'card',
          amountMinor,
          currency,
        }),
      ),
  }
}

function ship(order: OrderData, viewer: Session): Step | undefined {
  const open = openLines(order, viewer)
  if (
    viewer.role === 'customer' ||
    !['paid', 'partially-shipped'].includes(order.status) ||
    open.length === 0
  )
    return undefined
  return {
    name: 'ship',
    label: 'Ship open items',
    done: 'Shipped.',
    tone: 'primary',
    act: async (send) =>
      rejectionText(
        await send('shipItems', {
          orderId: order.orderId,
          shipmentId: newId(),
          items: open.map(({ line }) => ({ line })),
          carrier: 'PostNL',
          tracking: `3S${newId().replaceAll('-', '').slice(-12).toUpperCase()}`,
        }),
      ),
  }
}

function deliver(order: OrderData, { role }: Session): Step | undefined {
  const travelling = order.shipments.filter((parcel) => parcel.deliveredAt === null)
  if (role === 'customer' || travelling.length === 0) return undefined
  return {
    name: 'deliver',
    label: 'Confirm delivery',
    done: 'Delivery confirmed.',
    tone: '',
    act: async (send) => {
      for (const { shipmentId } of travelling) {
        const refusal = rejectionText(
          await send('confirmDelivery', { orderId: order.orderId, shipmentId }),
        )
        if (refusal !== undefined) return refusal
      }
      return undefined
    },
  }
}

function cancel(order: OrderData, viewer: Session): Step | undefined {
  // What a customer asked to cancel already waits for its seller.
  const open = openLines(order, viewer).filter(
    (line) => viewer.role !== 'customer' || line.quantityRequested === 0,
  )
  if (!['placed', 'paid', 'partially-shipped'].includes(order.status) || open.length === 0)
    return undefined
  const { orderId } = order
  const asks = viewer.role === 'customer'
  return {
    name: 'cancel',
    label: asks ? 'Request cancellation' : 'Cancel open items',
    done: asks ? 'Cancellation requested.' : 'Cancelled.',
    tone: 'danger',
    act: async (send) =>
      rejectionText(
        asks
          ? await send('requestCancellation', { orderId, reason: 'REQUESTED_BY_CUSTOMER' })
          : await send('cancelItems', {
              orderId,
              items: open.map(({ line }) => ({ line })),
              reason: 'REQUESTED_BY_CUSTOMER',
            }),
      ),
  }
}

function openLines(order: OrderData, { role, id }: Session): OrderData['lines'] {
  return order.lines.filter(
    (line) =>
      line.quantity - line.quantityShipped - line.quantityCancelled > 0 &&
      (role !== 'seller' || line.sellerId === id),
  )
}
