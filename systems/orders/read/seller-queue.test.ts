import { expect, test } from 'vitest'
import {
  carla,
  keuken,
  lumen,
  orderId,
  orderThatIs,
  payment,
  shipment,
  totalMinor,
} from '../order-fixture.ts'
import type { OrdersInMemory } from '../orders-in-memory.ts'
import { SellerQueue } from './seller-queue.ts'

function queue(orders: OrdersInMemory): unknown[] {
  return [...orders.fold(SellerQueue)].map(([key, doc]) => [
    key,
    doc.sellerId,
    doc.quantityOpen,
    doc.state,
  ])
}

test('lines wait for payment, then for shipping', () => {
  expect(queue(orderThatIs('placed'))).toEqual([
    [`${orderId}/1`, 'lumen-living', 2, 'awaiting-payment'],
    [`${orderId}/2`, 'lumen-living', 1, 'awaiting-payment'],
    [`${orderId}/3`, 'noord-keuken', 3, 'awaiting-payment'],
  ])
  expect(queue(orderThatIs('paid'))).toMatchObject([
    { 3: 'to-ship' },
    { 3: 'to-ship' },
    { 3: 'to-ship' },
  ])
})

test('a line leaves the queue when nothing of it is open', () => {
  const orders = orderThatIs('paid')
  orders.done('shipItems', lumen, shipment(1, [{ line: 1, quantity: 1 }, { line: 2 }]))
  orders.done('cancelItems', keuken, {
    orderId,
    items: [{ line: 3, quantity: 1 }],
    reason: 'OUT_OF_STOCK',
  })
  expect(queue(orders)).toEqual([
    [`${orderId}/1`, 'lumen-living', 1, 'to-ship'],
    [`${orderId}/3`, 'noord-keuken', 2, 'to-ship'],
  ])
  orders.done('shipItems', lumen, shipment(2, [{ line: 1 }]))
  orders.done('cancelItems', keuken, { orderId, items: [{ line: 3 }], reason: 'OUT_OF_STOCK' })
  expect(queue(orders)).toEqual([])
})

test('shows what the customer does not want any more', () => {
  const orders = orderThatIs('paid')
  orders.done('requestCancellation', carla, {
    orderId,
    items: [{ line: 3, quantity: 2 }],
    reason: 'x',
  })
  expect(queue(orders)).toContainEqual([
    `${orderId}/3`,
    'noord-keuken',
    3,
    'cancellation-requested',
  ])
  expect([...orders.fold(SellerQueue).values()].at(-1)).toMatchObject({ quantityRequested: 2 })
})

test('an unpaid line of which a cancellation is asked for shows the wish and stays unpaid', () => {
  const orders = orderThatIs('placed')
  orders.done('requestCancellation', carla, { orderId, items: [{ line: 3 }], reason: 'x' })
  const lines = () =>
    [...orders.fold(SellerQueue).values()].map(({ line, paid, state }) => [line, paid, state])
  expect(lines()).toEqual([
    [1, false, 'awaiting-payment'],
    [2, false, 'awaiting-payment'],
    [3, false, 'cancellation-requested'],
  ])
  orders.done('registerPayment', carla, payment(totalMinor))
  expect(lines()).toEqual([
    [1, true, 'to-ship'],
    [2, true, 'to-ship'],
    [3, true, 'cancellation-requested'],
  ])
})

test.each(['shipped', 'delivered', 'cancelled', 'expired'] as const)(
  'nothing waits of an order that is %s',
  (state) => {
    expect(queue(orderThatIs(state))).toEqual([])
  },
)
