import { expect, test } from 'vitest'
import {
  carla,
  lumen,
  orderId,
  orderThatIs,
  payment,
  story,
  stranger,
  support,
  totalMinor,
} from '../order-fixture.ts'

test('pays an order in parts: paid when all of it came', () => {
  const orders = orderThatIs('placed')
  expect(story(orders.done('registerPayment', carla, payment(1_000, 1)))).toEqual([
    ['PaymentRegistered', 'placed'],
  ])
  const rest = orders.done('registerPayment', support, {
    ...payment(totalMinor - 1_000, 2),
    method: 'voucher',
  })
  expect(story(rest)).toEqual([
    ['PaymentRegistered', 'placed'],
    ['OrderPaid', 'paid'],
  ])
  expect(rest[1]!.data.totals).toMatchObject({ paidMinor: totalMinor, refundDueMinor: 0 })
  expect(orders.rowsOf(orderId)!.payments).toMatchObject([
    { seq: 1, amountMinor: 1_000, state: 'received' },
    { seq: 2, method: 'voucher' },
  ])
  expect(orders.rowsOf(orderId)!.order).toMatchObject({ status: 'paid', version: 4 })
})

test('rejects more than is unpaid, and says how much is', () => {
  const orders = orderThatIs('placed')
  expect(orders.send('registerPayment', carla, payment(totalMinor + 1))).toMatchObject({
    code: 'OVERPAID',
    rejection: 'rule',
    detail: { unpaidMinor: totalMinor },
  })
})

test.each(['paid', 'shipped', 'delivered'] as const)(
  'rejects any payment of an order that is %s',
  (state) => {
    expect(orderThatIs(state).send('registerPayment', carla, payment(1, 1))).toMatchObject({
      code: 'OVERPAID',
      detail: { unpaidMinor: 0 },
    })
  },
)

test('rejects another currency', () => {
  expect(
    orderThatIs('placed').send('registerPayment', carla, { ...payment(1), currency: 'USD' }),
  ).toMatchObject({
    code: 'CURRENCY_MISMATCH',
    rejection: 'rule',
    detail: { currency: 'EUR' },
  })
})

test('rejects a payment id that the order has', () => {
  const orders = orderThatIs('placed')
  orders.done('registerPayment', carla, payment(1, 1))
  expect(orders.send('registerPayment', carla, payment(2, 1))).toMatchObject({
    code: 'PAYMENT_EXISTS',
    rejection: 'conflict',
  })
})

test.each(['cancelled', 'expired'] as const)(
  'takes a payment after the order was %s and owes it back',
  (state) => {
    const orders = orderThatIs(state)
    const events = orders.done('registerPayment', carla, payment(700, 1))
    expect(story(events)).toEqual([
      ['PaymentRegistered', state],
      ['RefundDue', state],
    ])
    expect(events).toMatchObject([
      { data: { state: 'refund-due' } },
      { data: { amountMinor: 700, because: 'paid-too-late', totals: { refundDueMinor: 700 } } },
    ])
    expect(orders.done('registerPayment', carla, payment(300, 2))[1]).toMatchObject({
      data: { amountMinor: 300, totals: { refundDueMinor: 1_000 } },
    })
  },
)

test('a part that was cancelled need not be paid', () => {
  const orders = orderThatIs('placed')
  orders.done('cancelItems', support, { orderId, items: [{ line: 3 }], reason: 'OUT_OF_STOCK' })
  expect(
    story(orders.done('registerPayment', carla, payment(totalMinor - 3 * 1_295))),
  ).toContainEqual(['OrderPaid', 'paid'])
})

test.each([
  [stranger, 'refused'],
  [lumen, 'refused'],
  [support, 'committed'],
])('sent by %j is %s', (actor, kind) => {
  expect(orderThatIs('placed').send('registerPayment', actor, payment(1)).kind).toBe(kind)
})

test.each([
  { amountMinor: 0 },
  { amountMinor: -5 },
  { amountMinor: 1.5 },
  { amountMinor: 2 ** 53 },
  { method: 'cash' },
])('refuses %j', (over) => {
  expect(
    orderThatIs('placed').send('registerPayment', carla, { ...payment(1), ...over }),
  ).toMatchObject({ code: 'INPUT_INVALID' })
})

test('there is no payment of an order that does not exist', () => {
  expect(
    orderThatIs('placed').send('registerPayment', carla, {
      ...payment(1),
      orderId: '00000000-0000-4000-8000-00000000dead',
    }),
  ).toEqual({
    kind: 'refused',
    code: 'NOT_FOUND',
  })
})
