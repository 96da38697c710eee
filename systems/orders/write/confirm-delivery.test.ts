import { expect, test } from 'vitest'
import {
  boeken,
  carla,
  id,
  keuken,
  lumen,
  orderId,
  orderThatIs,
  shipment,
  story,
  support,
} from '../order-fixture.ts'

test('the order is delivered when nothing is open and every shipment has arrived', () => {
  const orders = orderThatIs('shipped')
  expect(story(orders.done('confirmDelivery', lumen, { orderId, shipmentId: id(1) }))).toEqual([
    ['ShipmentDelivered', 'shipped'],
  ])
  expect(story(orders.done('confirmDelivery', support, { orderId, shipmentId: id(2) }))).toEqual([
    ['ShipmentDelivered', 'shipped'],
    ['OrderDelivered', 'delivered'],
  ])
  expect(orders.rowsOf(orderId)!.order.status).toBe('delivered')
})

test('an order with open lines is not delivered', () => {
  const orders = orderThatIs('paid')
  orders.done('shipItems', lumen, shipment(1, [{ line: 1 }]))
  expect(story(orders.done('confirmDelivery', lumen, { orderId, shipmentId: id(1) }))).toEqual([
    ['ShipmentDelivered', 'partially-shipped'],
  ])
})

test('cancelling the open rest delivers an order whose shipments have arrived', () => {
  const orders = orderThatIs('paid')
  orders.done('shipItems', lumen, shipment(1, [{ line: 1 }, { line: 2 }]))
  orders.done('confirmDelivery', lumen, { orderId, shipmentId: id(1) })
  const events = orders.done('cancelItems', keuken, {
    orderId,
    items: [{ line: 3 }],
    reason: 'OUT_OF_STOCK',
  })
  expect(story(events)).toEqual([
    ['ItemsCancelled', 'partially-shipped'],
    ['OrderDelivered', 'delivered'],
    ['RefundDue', 'delivered'],
  ])
})

test('takes a delivery before the shipping, and flags it', () => {
  const orders = orderThatIs('shipped')
  const deliveredAt = '2026-11-20T08:00:00+01:00'
  expect(
    orders.done('confirmDelivery', lumen, { orderId, shipmentId: id(1), deliveredAt })[0],
  ).toMatchObject({
    data: {
      deliveredAt: '2026-11-20T07:00:00.000Z',
      deliveredBeforeShipped: true,
      items: [{ line: 1 }, { line: 2 }],
    },
  })
})

test('rejects a shipment that is unknown, or delivered already', () => {
  expect(
    orderThatIs('shipped').send('confirmDelivery', lumen, { orderId, shipmentId: id(99) }),
  ).toMatchObject({
    code: 'UNKNOWN_SHIPMENT',
    rejection: 'rule',
  })
  expect(
    orderThatIs('delivered').send('confirmDelivery', lumen, { orderId, shipmentId: id(1) }),
  ).toMatchObject({
    code: 'ALREADY_DELIVERED',
    rejection: 'conflict',
  })
})

test('does not take a return for a shipment, whoever’s it is', () => {
  const orders = orderThatIs('delivered')
  orders.done('registerReturn', carla, {
    orderId,
    returnId: id(50),
    items: [{ line: 1, quantity: 1 }],
    reason: 'Broken',
  })
  for (const actor of [support, lumen, keuken])
    expect(orders.send('confirmDelivery', actor, { orderId, shipmentId: id(50) })).toMatchObject({
      code: 'UNKNOWN_SHIPMENT',
    })
})

test.each([
  [lumen, 'committed'],
  [keuken, 'committed'],
  [boeken, 'refused'],
  [carla, 'refused'],
])('a parcel with lines of two sellers, confirmed by %j, is %s', (actor, kind) => {
  const orders = orderThatIs('paid')
  orders.done('shipItems', support, shipment(1, [{ line: 1 }, { line: 3 }]))
  expect(orders.send('confirmDelivery', actor, { orderId, shipmentId: id(1) }).kind).toBe(kind)
})

test.each([
  [lumen, 'committed'],
  [keuken, 'refused'],
  [carla, 'refused'],
])('the shipment of a seller, confirmed by %j, is %s', (actor, kind) => {
  expect(
    orderThatIs('shipped').send('confirmDelivery', actor, { orderId, shipmentId: id(1) }).kind,
  ).toBe(kind)
})
