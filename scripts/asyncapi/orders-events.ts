import { asyncApi, systemActor } from 'tailrace'
import { recorded } from '@tailrace/conformance'
import { orders } from '../../systems/orders/app.ts'
import { OrdersInMemory } from '../../systems/orders/orders-in-memory.ts'
import { seededOffers } from '../../systems/orders/seeded-offers.ts'
import { orderLife } from '../../systems/orders/traffic/order-life.ts'
import { Random } from '../../systems/orders/traffic/random.ts'

/** The events of some made-up orders, of every type that their lives bring about. */
export function orderEventsForExamples() {
  const random = new Random(3)
  const at = Date.parse('2026-11-26T12:00:00.000Z')
  const lives = Array.from({ length: 60 }, (_, i) =>
    orderLife({ random, offers: seededOffers(), at: at + i * 500, pace: 1 }),
  )
  const system = new OrdersInMemory()
  for (const step of lives.flat().toSorted((a, b) => a.at - b.at)) {
    system.now = new Date(Math.round(step.at)).toISOString()
    system.send(step.command as Parameters<OrdersInMemory['send']>[0], step.actor, step.input)
  }
  expire(system)
  return recorded(
    system.log.map(({ stream, aggregate, at: when, type, data }) => ({
      stream,
      aggregate,
      at: when,
      event: { type, data },
    })),
  )
}

/** An order that nobody pays. */
function expire(system: OrdersInMemory): void {
  const orderId = '7d7a4d0e-26a3-4e1e-9f0d-5b1f6f1f0a01'
  const expiresAt = new Date(Date.parse(system.now) + 3_600_000).toISOString()
  const items = [{ sku: 'LMP-1001', quantity: 2 }]
  const customer = { role: 'customer', id: 'c-1001' }
  system.done('placeOrder', customer, {
    orderId,
    customerId: customer.id,
    currency: 'EUR',
    items,
    expiresAt,
  })
  system.now = expiresAt
  system.done('expireOrder', systemActor, { orderId })
}

/** The AsyncAPI document of the order system. */
export function ordersAsyncApi() {
  return asyncApi(orders, {
    title: 'Events of the order system',
    version: '1.0.0',
    address: 'orders',
    server: { host: '127.0.0.1:19092', protocol: 'kafka' },
    history: '00000000000000ff/1',
    examples: orderEventsForExamples(),
  })
}
