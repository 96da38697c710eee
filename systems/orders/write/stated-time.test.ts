import { describe, expect, test } from 'vitest'
import {
  id,
  keuken,
  lumen,
  orderId,
  orderThatIs,
  payment,
  placed,
  shipment,
  support,
  system,
} from '../order-fixture.ts'
import { OrdersInMemory } from '../orders-in-memory.ts'

// `now` of the fixture is 12:00; clocks of people may run ahead by five minutes.
const soon = '2026-11-26T13:05:00.000+01:00'
const tooLate = '2026-11-26T12:05:00.001Z'
const latest = '2026-11-26T12:05:00.000Z'

const items = [{ line: 1, quantity: 1 }]
const outcome = 'RETURN_RECEIVED'
const returned = { orderId, returnId: id(50), items, reason: 'x' }

function withReturn(): OrdersInMemory {
  const orders = orderThatIs('delivered')
  orders.done('registerReturn', support, returned)
  return orders
}

describe('a time that is still to come', () => {
  test.each([
    ['placeOrder', () => new OrdersInMemory(), placed],
    ['registerPayment', () => orderThatIs('placed'), payment(100)],
    ['shipItems', () => orderThatIs('paid'), shipment(1, [{ line: 1 }])],
    ['confirmDelivery', () => orderThatIs('shipped'), { orderId, shipmentId: id(1) }],
    ['requestCancellation', () => orderThatIs('paid'), { orderId, reason: 'x' }],
    ['cancelItems', () => orderThatIs('paid'), { orderId, items, reason: 'x' }],
    ['registerReturn', () => orderThatIs('delivered'), returned],
    ['handleReturn', withReturn, { orderId, returnId: id(50), outcome }],
  ] as const)('is nothing that %s can have happened at', (command, orders, input) => {
    for (const actor of [support, system]) {
      expect(orders().send(command, actor, { ...input, occurredAt: tooLate })).toEqual({
        kind: 'rejected',
        code: 'TIME_IN_FUTURE',
        rejection: 'rule',
        detail: { pointer: '/occurredAt', latest },
      })
      expect(orders().send(command, actor, { ...input, occurredAt: soon }).kind).toBe('committed')
    }
  })

  test('is nothing that a carrier can have delivered at', () => {
    const parcel = { orderId, shipmentId: id(1) }
    for (const actor of [lumen, support])
      expect(
        orderThatIs('shipped').send('confirmDelivery', actor, { ...parcel, deliveredAt: tooLate }),
      ).toMatchObject({ code: 'TIME_IN_FUTURE', detail: { pointer: '/deliveredAt', latest } })
    const [event] = orderThatIs('shipped').done('confirmDelivery', lumen, {
      ...parcel,
      deliveredAt: soon,
    })
    expect(event).toMatchObject({ data: { deliveredAt: latest } })
  })

  test('does not tell a seller of another’s parcel', () => {
    expect(
      orderThatIs('shipped').send('confirmDelivery', keuken, {
        orderId,
        shipmentId: id(1),
        deliveredAt: tooLate,
      }),
    ).toMatchObject({ kind: 'refused' })
  })
})
