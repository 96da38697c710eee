import { expect, test } from 'vitest'
import {
  boeken,
  carla,
  keuken,
  lumen,
  orderId,
  orderThatIs,
  shipment,
  story,
  support,
} from '../order-fixture.ts'

test('ships lines in parts until nothing is open', () => {
  const orders = orderThatIs('paid')
  const [first] = orders.done('shipItems', lumen, shipment(1, [{ line: 1, quantity: 1 }]))
  expect(first).toMatchObject({
    type: 'ItemsShipped',
    data: {
      was: 'paid',
      status: 'partially-shipped',
      items: [{ line: 1, quantity: 1, quantityShipped: 1 }],
    },
  })
  // Without a quantity: all that is open.
  const [second] = orders.done('shipItems', lumen, shipment(2, [{ line: 1 }, { line: 2 }]))
  expect(second).toMatchObject({
    data: {
      status: 'partially-shipped',
      items: [
        { line: 1, quantity: 1, quantityShipped: 2 },
        { line: 2, quantity: 1, quantityShipped: 1 },
      ],
      sellers: [
        { sellerId: 'lumen-living', openLines: [] },
        { sellerId: 'noord-keuken', openLines: [3] },
      ],
    },
  })
  expect(story(orders.done('shipItems', keuken, shipment(3, [{ line: 3 }])))).toEqual([
    ['ItemsShipped', 'shipped'],
  ])
  expect(orders.rowsOf(orderId)).toMatchObject({
    order: { status: 'shipped' },
    items: [{ qtyShipped: 2 }, { qtyShipped: 1 }, { qtyShipped: 3 }],
  })
  expect(orders.rowsOf(orderId)!.shipments).toHaveLength(4)
})

test('ships nothing before all is paid', () => {
  expect(orderThatIs('placed').send('shipItems', lumen, shipment(1, [{ line: 1 }]))).toMatchObject({
    code: 'NOT_PAID',
    rejection: 'conflict',
  })
})

test.each(['cancelled', 'expired'] as const)('ships nothing of an order that is %s', (from) => {
  expect(orderThatIs(from).send('shipItems', lumen, shipment(9, [{ line: 1 }]))).toMatchObject({
    code: 'ILLEGAL_TRANSITION',
    rejection: 'conflict',
    detail: { from, to: 'shipped' },
  })
})

test.each([
  [[{ line: 1, quantity: 3 }], { line: 1, open: 2 }],
  [[{ line: 2 }, { line: 1, quantity: 3 }], { line: 1, open: 2 }],
])('rejects more than is open: %j', (items, detail) => {
  expect(orderThatIs('paid').send('shipItems', lumen, shipment(1, items))).toMatchObject({
    code: 'QTY_EXCEEDS_OPEN',
    rejection: 'rule',
    detail,
  })
})

test('a seller who says that it happened earlier is told which field is not theirs', () => {
  const parcel = { ...shipment(1, [{ line: 1 }]), occurredAt: '2026-11-26T11:00:00Z' }
  expect(orderThatIs('paid').send('shipItems', lumen, parcel)).toMatchObject({
    code: 'NOT_ALLOWED',
    because: expect.stringMatching(/"occurredAt" from a seller/),
  })
})

test('rejects a line of which nothing is open', () => {
  expect(orderThatIs('shipped').send('shipItems', lumen, shipment(9, [{ line: 1 }]))).toMatchObject(
    {
      code: 'QTY_EXCEEDS_OPEN',
      detail: { line: 1, open: 0 },
    },
  )
})

test('rejects a line that does not exist and a shipment id that the order has', () => {
  expect(orderThatIs('paid').send('shipItems', lumen, shipment(1, [{ line: 7 }]))).toMatchObject({
    code: 'UNKNOWN_LINE',
    detail: { line: 7 },
  })
  const orders = orderThatIs('paid')
  orders.done('shipItems', lumen, shipment(1, [{ line: 1, quantity: 1 }]))
  expect(orders.send('shipItems', lumen, shipment(1, [{ line: 1 }]))).toMatchObject({
    code: 'SHIPMENT_EXISTS',
    rejection: 'conflict',
  })
})

test('refuses a line named twice', () => {
  const twice = [
    { line: 1, quantity: 1 },
    { line: 1, quantity: 1 },
  ]
  expect(orderThatIs('paid').send('shipItems', lumen, shipment(1, twice))).toMatchObject({
    code: 'INPUT_INVALID',
  })
})

test('a cancelled part is not open', () => {
  const orders = orderThatIs('paid')
  orders.done('cancelItems', lumen, {
    orderId,
    items: [{ line: 1, quantity: 1 }],
    reason: 'OUT_OF_STOCK',
  })
  expect(orders.send('shipItems', lumen, shipment(1, [{ line: 1, quantity: 2 }]))).toMatchObject({
    detail: { line: 1, open: 1 },
  })
})

test('what is shipped can no longer be wished away', () => {
  const orders = orderThatIs('paid')
  orders.done('requestCancellation', carla, {
    orderId,
    items: [{ line: 1 }],
    reason: 'Changed my mind',
  })
  orders.done('shipItems', lumen, shipment(1, [{ line: 1, quantity: 1 }]))
  expect(orders.rowsOf(orderId)!.items[0]).toMatchObject({ qtyShipped: 1, qtyCancelRequested: 1 })
})

test.each([
  ['the seller of the lines', lumen, [{ line: 1 }], 'committed'],
  ['a seller of other lines', keuken, [{ line: 1 }], 'refused'],
  ['a seller of some of the lines', lumen, [{ line: 1 }, { line: 3 }], 'refused'],
  ['a seller of nothing here', boeken, [{ line: 9 }], 'refused'],
  ['the customer', carla, [{ line: 1 }], 'refused'],
  ['support', support, [{ line: 1 }, { line: 3 }], 'committed'],
])('may be sent by %s', (_, actor, items, kind) => {
  expect(orderThatIs('paid').send('shipItems', actor, shipment(1, items)).kind).toBe(kind)
})
