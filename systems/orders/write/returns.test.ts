import { describe, expect, test } from 'vitest'
import {
  carla,
  id,
  keuken,
  lumen,
  orderId,
  orderThatIs,
  shipment,
  story,
  support,
  system,
  unitMinor,
} from '../order-fixture.ts'

function back(number: number, items: readonly { line: number; quantity: number }[]) {
  return { orderId, returnId: id(number), items, reason: 'Does not fit' }
}

describe('registerReturn', () => {
  test('takes back what was delivered', () => {
    const orders = orderThatIs('delivered')
    expect(
      story(orders.done('registerReturn', carla, back(50, [{ line: 1, quantity: 1 }]))),
    ).toEqual([['ReturnRegistered', 'delivered']])
    expect(
      orders.rowsOf(orderId)!.shipments.filter(({ direction }) => direction === 'return'),
    ).toMatchObject([{ id: id(50), qty: 1, outcome: null, reason: 'Does not fit' }])
  })

  test('takes back at most what the customer still holds', () => {
    const orders = orderThatIs('delivered')
    orders.done('registerReturn', carla, back(50, [{ line: 1, quantity: 1 }]))
    expect(
      orders.send('registerReturn', carla, back(51, [{ line: 1, quantity: 2 }])),
    ).toMatchObject({
      code: 'QTY_EXCEEDS_DELIVERED',
      rejection: 'rule',
      detail: { line: 1, delivered: 1 },
    })
  })

  test.each(['placed', 'paid', 'shipped', 'cancelled'] as const)(
    'takes nothing back of an order that is %s',
    (state) => {
      expect(
        orderThatIs(state).send('registerReturn', carla, back(50, [{ line: 1, quantity: 1 }])),
      ).toMatchObject({
        code: 'QTY_EXCEEDS_DELIVERED',
        detail: { delivered: 0 },
      })
    },
  )

  test('takes back a parcel of an order that is not complete', () => {
    const orders = orderThatIs('paid')
    orders.done('shipItems', lumen, shipment(1, [{ line: 1, quantity: 1 }]))
    orders.done('confirmDelivery', lumen, { orderId, shipmentId: id(1) })
    expect(
      story(orders.done('registerReturn', carla, back(50, [{ line: 1, quantity: 1 }]))),
    ).toEqual([['ReturnRegistered', 'partially-shipped']])
  })

  test('rejects an id that the order has, also as a shipment', () => {
    expect(
      orderThatIs('delivered').send('registerReturn', carla, back(1, [{ line: 1, quantity: 1 }])),
    ).toMatchObject({ code: 'RETURN_EXISTS' })
    expect(
      orderThatIs('delivered').send('registerReturn', carla, back(50, [{ line: 9, quantity: 1 }])),
    ).toMatchObject({ code: 'UNKNOWN_LINE' })
  })

  test('is of one seller, who then can handle it: the lines of each are named', () => {
    const mixed = [
      { line: 3, quantity: 1 },
      { line: 1, quantity: 1 },
      { line: 2, quantity: 1 },
    ]
    const orders = orderThatIs('delivered')
    for (const actor of [carla, support])
      expect(orders.send('registerReturn', actor, back(50, mixed))).toEqual({
        kind: 'rejected',
        code: 'SEVERAL_SELLERS',
        rejection: 'rule',
        detail: {
          sellers: [
            { sellerId: 'lumen-living', lines: [1, 2] },
            { sellerId: 'noord-keuken', lines: [3] },
          ],
        },
      })
    orders.done('registerReturn', carla, back(50, mixed.slice(1)))
    orders.done('registerReturn', carla, back(51, mixed.slice(0, 1)))
    const outcome = 'RETURN_RECEIVED'
    orders.done('handleReturn', lumen, { orderId, returnId: id(50), outcome })
    orders.done('handleReturn', keuken, { orderId, returnId: id(51), outcome })
  })

  test('of the past may be of several sellers: the system tells it as it was, and support handles it', () => {
    const orders = orderThatIs('delivered')
    const items = [
      { line: 1, quantity: 1 },
      { line: 3, quantity: 1 },
    ]
    orders.done('registerReturn', system, back(50, items))
    const input = { orderId, returnId: id(50), outcome: 'RETURN_RECEIVED' }
    expect(orders.send('handleReturn', support, input).kind).toBe('committed')
  })

  test('may be sent by the customer and support', () => {
    const senders = [carla, support, lumen]
    expect(
      senders.map(
        (actor) =>
          orderThatIs('delivered').send(
            'registerReturn',
            actor,
            back(50, [{ line: 1, quantity: 1 }]),
          ).kind,
      ),
    ).toEqual(['committed', 'committed', 'refused'])
  })
})

describe('handleReturn', () => {
  function returned() {
    const orders = orderThatIs('delivered')
    orders.done('registerReturn', carla, back(50, [{ line: 1, quantity: 2 }]))
    return orders
  }

  test.each(['RETURN_RECEIVED', 'STILL_APPROVED'])('%s: the money is due back', (outcome) => {
    const events = returned().done('handleReturn', lumen, { orderId, returnId: id(50), outcome })
    expect(events).toMatchObject([
      { type: 'ReturnHandled', data: { outcome, items: [{ line: 1, quantity: 2 }] } },
      {
        type: 'RefundDue',
        data: {
          amountMinor: 2 * unitMinor[0],
          because: 'returned',
          totals: { refundDueMinor: 2 * unitMinor[0] },
        },
      },
    ])
  })

  test.each([
    'EXCHANGE_PRODUCT',
    'REPAIR_PRODUCT',
    'CUSTOMER_KEEPS_PRODUCT_PAID',
    'RETURN_DOES_NOT_MEET_CONDITIONS',
  ])('%s: no money is due and the customer may return again', (outcome) => {
    const orders = returned()
    expect(
      story(orders.done('handleReturn', support, { orderId, returnId: id(50), outcome })),
    ).toEqual([['ReturnHandled', 'delivered']])
    expect(orders.send('registerReturn', carla, back(51, [{ line: 1, quantity: 2 }])).kind).toBe(
      'committed',
    )
  })

  test('what was taken back cannot be returned again', () => {
    const orders = returned()
    orders.done('handleReturn', lumen, { orderId, returnId: id(50), outcome: 'RETURN_RECEIVED' })
    expect(
      orders.send('registerReturn', carla, back(51, [{ line: 1, quantity: 1 }])),
    ).toMatchObject({ detail: { delivered: 0 } })
  })

  test('rejects a return that is unknown, or handled already', () => {
    const orders = returned()
    const input = { orderId, returnId: id(50), outcome: 'RETURN_RECEIVED' }
    expect(orders.send('handleReturn', lumen, { ...input, returnId: id(1) })).toMatchObject({
      code: 'UNKNOWN_RETURN',
      rejection: 'rule',
    })
    // Nor is another seller’s shipment a return, to be forbidden.
    expect(orders.send('handleReturn', lumen, { ...input, returnId: id(2) })).toMatchObject({
      code: 'UNKNOWN_RETURN',
    })
    orders.done('handleReturn', lumen, input)
    expect(orders.send('handleReturn', lumen, input)).toMatchObject({
      code: 'ALREADY_HANDLED',
      rejection: 'conflict',
    })
  })

  test('may be sent by the seller of the lines and support', () => {
    const input = { orderId, returnId: id(50), outcome: 'REPAIR_PRODUCT' }
    expect(
      [lumen, support, keuken, carla].map(
        (actor) => returned().send('handleReturn', actor, input).kind,
      ),
    ).toEqual(['committed', 'committed', 'refused', 'refused'])
  })
})
