import { OrdersInMemory } from './orders-in-memory.ts'

/** The people and the order that tests of the rules are about. */
export const carla = { role: 'customer', id: 'c-1001' }
export const stranger = { role: 'customer', id: 'c-9999' }
export const lumen = { role: 'seller', id: 'lumen-living' }
export const keuken = { role: 'seller', id: 'noord-keuken' }
export const boeken = { role: 'seller', id: 'de-boekenkast' }
export const support = { role: 'support', id: 'sam' }
export const system = { role: 'system', id: 'system' }

export const orderId = '00000000-0000-4000-8000-000000000001'

/** A uuid that ends in a number. */
export function id(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
}

/** Two lamps and a floor lamp of one seller, three saucepans of another. */
export const placed = {
  orderId,
  customerId: carla.id,
  currency: 'EUR',
  items: [
    { sku: 'LMP-1001', quantity: 2 },
    { sku: 'LMP-1011', quantity: 1 },
    { sku: 'KIT-1001', quantity: 3 },
  ],
}
export const unitMinor = [1_945, 2_645, 1_295] as const
export const totalMinor = 2 * 1_945 + 2_645 + 3 * 1_295

export function payment(amountMinor: number, number = 100): Record<string, unknown> {
  return { orderId, paymentId: id(number), method: 'card', amountMinor, currency: 'EUR' }
}

export function shipment(
  number: number,
  items: readonly { line: number; quantity?: number }[],
): Record<string, unknown> {
  return { orderId, shipmentId: id(number), items, carrier: 'PostNL', tracking: `3S${number}` }
}

/** Where an order can be taken by its people, step by step. */
export function orderThatIs(
  state: 'placed' | 'paid' | 'shipped' | 'delivered' | 'cancelled' | 'expired',
): OrdersInMemory {
  const orders = new OrdersInMemory()
  const expiring = state === 'expired' ? { expiresAt: '2026-11-26T13:00:00.000Z' } : {}
  orders.done('placeOrder', carla, { ...placed, ...expiring })
  if (state === 'expired') orders.done('expireOrder', system, { orderId })
  if (state === 'placed' || state === 'expired') return orders
  if (state === 'cancelled') {
    orders.done('cancelItems', support, {
      orderId,
      items: [{ line: 1 }, { line: 2 }, { line: 3 }],
      reason: 'OUT_OF_STOCK',
    })
    return orders
  }
  orders.done('registerPayment', carla, payment(totalMinor))
  if (state === 'paid') return orders
  orders.done('shipItems', lumen, shipment(1, [{ line: 1 }, { line: 2 }]))
  orders.done('shipItems', keuken, shipment(2, [{ line: 3 }]))
  if (state === 'shipped') return orders
  orders.done('confirmDelivery', lumen, { orderId, shipmentId: id(1) })
  orders.done('confirmDelivery', keuken, { orderId, shipmentId: id(2) })
  return orders
}

/** The types of events and the status after each. */
export function story(
  events: readonly { readonly type: string; readonly data: { readonly status: string } }[],
): [string, string][] {
  return events.map(({ type, data }) => [type, data.status])
}
