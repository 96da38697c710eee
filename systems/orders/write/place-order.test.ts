import { expect, test } from 'vitest'
import {
  carla,
  id,
  lumen,
  orderId,
  orderThatIs,
  placed,
  stranger,
  support,
  system,
  totalMinor,
} from '../order-fixture.ts'
import { OrdersInMemory } from '../orders-in-memory.ts'

function place(over: object = {}, actor = carla, orders = new OrdersInMemory()) {
  return orders.send('placeOrder', actor, { ...placed, ...over })
}

test('places an order at the prices of the offers, lines numbered from 1, due in three days', () => {
  const orders = new OrdersInMemory()
  const [event] = orders.done('placeOrder', carla, placed)
  expect(event).toMatchObject({
    type: 'OrderPlaced',
    data: {
      orderId,
      was: null,
      status: 'placed',
      occurredAt: '2026-11-26T12:00:00.000Z',
      totals: { totalMinor, paidMinor: 0, cancelledMinor: 0, refundDueMinor: 0 },
      sellers: [
        { sellerId: 'lumen-living', openLines: [1, 2] },
        { sellerId: 'noord-keuken', openLines: [3] },
      ],
      expiresAt: null,
      reference: null,
    },
  })
  expect(event).toMatchObject({
    data: {
      lines: [
        { line: 1, title: 'Desk lamp, brass', unitMinor: 1_945, dueAt: '2026-11-29T12:00:00.000Z' },
        { line: 2 },
        { line: 3 },
      ],
    },
  })
  expect(orders.rowsOf(orderId)).toMatchObject({
    order: { status: 'placed', totalMinor, version: 1, customerId: 'c-1001' },
    items: [
      { id: `${orderId}/1`, qty: 2, qtyShipped: 0, qtyCancelled: 0 },
      { line: 2 },
      { line: 3 },
    ],
  })
})

test('takes the same product on two lines', () => {
  const items = [
    { sku: 'LMP-1001', quantity: 1 },
    { sku: 'LMP-1001', quantity: 2 },
  ]
  expect(place({ items })).toMatchObject({
    events: [{ data: { lines: [{ line: 1 }, { line: 2 }] } }],
  })
})

test.each([
  ['UNKNOWN_SKU', { items: [{ sku: 'NO-1', quantity: 1 }] }, { sku: 'NO-1' }],
  [
    'PRICE_CHANGED',
    { items: [{ sku: 'LMP-1001', quantity: 1, unitMinor: 1_900 }] },
    { sku: 'LMP-1001', unitMinor: 1_945 },
  ],
  ['CURRENCY_MISMATCH', { currency: 'USD' }, { sku: 'LMP-1001', currency: 'EUR' }],
])('rejects with %s', (code, over, detail) => {
  expect(place(over)).toEqual({ kind: 'rejected', rejection: 'rule', code, detail })
})

test('accepts the price that the buyer saw when it still is the price', () => {
  expect(place({ items: [{ sku: 'LMP-1001', quantity: 1, unitMinor: 1_945 }] }).kind).toBe(
    'committed',
  )
})

test('rejects an order id that exists', () => {
  expect(place({}, carla, orderThatIs('placed'))).toMatchObject({
    code: 'ORDER_EXISTS',
    rejection: 'conflict',
  })
})

test('knows one order whatever the case of its id', () => {
  const upper = 'ABCDEF00-0000-4000-8000-00000000000A'
  const orders = new OrdersInMemory()
  orders.done('placeOrder', carla, { ...placed, orderId: upper })
  expect(place({ orderId: upper.toLowerCase() }, carla, orders)).toMatchObject({
    code: 'ORDER_EXISTS',
  })
})

test('an order that costs nothing is paid when placed; only the system states prices', () => {
  const free = { items: [{ sku: 'LMP-1001', quantity: 1, unitMinor: 0 }] }
  const told = place(free, system)
  expect(told).toMatchObject({
    events: [
      { type: 'OrderPlaced' },
      { type: 'OrderPaid', data: { was: 'placed', status: 'paid' } },
    ],
  })
  expect(place(free, support)).toMatchObject({ code: 'PRICE_CHANGED' })
})

test.each([
  ['the customer themself', carla, 'committed'],
  ['another customer', stranger, 'refused'],
  ['a seller', lumen, 'refused'],
  ['support', support, 'committed'],
])('may be sent by %s: %s %s', (_, actor, kind) => {
  expect(place({}, actor).kind).toBe(kind)
})

test('only support and the system say that it happened earlier', () => {
  const occurredAt = '2010-12-01T08:26:00+01:00'
  const because = expect.stringMatching(/^expected no "occurredAt" from a customer, got one/)
  expect(place({ occurredAt })).toEqual({ kind: 'refused', code: 'NOT_ALLOWED', because })
  expect(place({ occurredAt }, stranger)).toEqual({ kind: 'refused', code: 'NOT_ALLOWED' })
  expect(place({ occurredAt }, support)).toMatchObject({
    events: [{ data: { occurredAt: '2010-12-01T07:26:00.000Z' } }],
  })
})

test('an order cannot expire before it is placed', () => {
  const now = '2026-11-26T12:00:00.000Z'
  const early = (placedAt: string) => ({
    kind: 'rejected',
    code: 'EXPIRY_IN_PAST',
    rejection: 'rule',
    detail: { pointer: '/expiresAt', placedAt },
  })
  for (const expiresAt of ['2026-11-26T11:59:59.999Z', now, '2026-11-26T12:59:59+01:00'])
    expect(place({ expiresAt })).toEqual(early(now))
  expect(place({ expiresAt: '2026-11-26T12:00:00.001Z' }).kind).toBe('committed')
  // Told later, it is judged by the time at which it happened.
  const occurredAt = '2010-12-01T08:00:00.000Z'
  const told = (expiresAt: string) => place({ occurredAt, expiresAt }, support)
  expect(told('2010-12-02T08:00:00Z').kind).toBe('committed')
  expect(told('2010-11-30T08:00:00Z')).toEqual(early(occurredAt))
})

test.each([
  ['no items', { items: [] }],
  [
    'too many items',
    { items: Array.from({ length: 2_001 }, () => ({ sku: 'LMP-1001', quantity: 1 })) },
  ],
  ['a quantity of 0', { items: [{ sku: 'LMP-1001', quantity: 0 }] }],
  ['half a piece', { items: [{ sku: 'LMP-1001', quantity: 0.5 }] }],
  ['an id that is no uuid', { orderId: '7' }],
  ['an unknown field', { colour: 'red' }],
  ['a customer id with a slash', { customerId: 'a/b' }],
  ['a customer id with NUL', { customerId: 'a\u0000b' }],
  ['a lone surrogate', { reference: '\ud800' }],
  ['a currency in words', { currency: 'Euro' }],
  ['a day as expiry', { expiresAt: '2026-11-27' }],
])('refuses %s', (_, over) => {
  expect(place(over)).toEqual({ kind: 'refused', code: 'INPUT_INVALID' })
})

test('takes an order of 2,000 lines', () => {
  const items = Array.from({ length: 2_000 }, () => ({ sku: 'LMP-1001', quantity: 100_000 }))
  expect(place({ items, orderId: id(7) })).toMatchObject({
    events: [{ data: { totals: { totalMinor: 2_000 * 100_000 * 1_945 } } }],
  })
})
