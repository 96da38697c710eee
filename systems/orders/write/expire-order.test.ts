import { expect, test } from 'vitest'
import {
  carla,
  orderId,
  orderThatIs,
  payment,
  placed,
  story,
  support,
  system,
} from '../order-fixture.ts'
import { OrdersInMemory } from '../orders-in-memory.ts'
import { orderExpiry } from './expire-order.ts'

test('expires an unpaid order: all of it is cancelled', () => {
  const orders = orderThatIs('placed')
  const events = orders.done('expireOrder', system, { orderId })
  expect(story(events)).toEqual([['OrderExpired', 'expired']])
  expect(events[0]!.data.sellers.flatMap(({ openLines }) => openLines)).toEqual([])
  expect(orders.rowsOf(orderId)).toMatchObject({
    order: { status: 'expired' },
    items: [{ qtyCancelled: 2 }, { qtyCancelled: 1 }, { qtyCancelled: 3 }],
  })
})

test('owes back a part that was paid', () => {
  const orders = orderThatIs('placed')
  orders.done('registerPayment', carla, payment(500, 1))
  expect(orders.done('expireOrder', system, { orderId })[1]).toMatchObject({
    type: 'RefundDue',
    data: { amountMinor: 500, because: 'expired' },
  })
})

test.each(['paid', 'shipped', 'delivered', 'cancelled', 'expired'] as const)(
  'does not expire an order that is %s',
  (from) => {
    expect(orderThatIs(from).send('expireOrder', system, { orderId })).toMatchObject({
      code: 'ILLEGAL_TRANSITION',
      rejection: 'conflict',
      detail: { from, to: 'expired' },
    })
  },
)

test('cannot be sent from outside', () => {
  expect(
    [carla, support].map((actor) => orderThatIs('placed').send('expireOrder', actor, { orderId })),
  ).toEqual([
    { kind: 'refused', code: 'NOT_ALLOWED' },
    { kind: 'refused', code: 'NOT_ALLOWED' },
  ])
})

test('is scheduled for the time asked for, in UTC, and called off when the order is paid or cancelled', () => {
  const orders = new OrdersInMemory()
  const [event] = orders.done('placeOrder', carla, {
    ...placed,
    expiresAt: '2026-11-26T14:00:00+01:00',
  })
  const changeOf = (type: string, of: object) =>
    orderExpiry.on[type]!({ type, data: of, id: orderId, version: 1 } as never)
  expect(changeOf('OrderPlaced', event!.data)).toEqual({
    at: '2026-11-26T13:00:00.000Z',
    call: { command: 'expireOrder', input: { orderId } },
  })
  expect(changeOf('OrderPlaced', { ...event!.data, expiresAt: null })).toBeUndefined()
  expect(changeOf('OrderPaid', {})).toBe('cancel')
  expect(changeOf('OrderCancelled', {})).toBe('cancel')
})
