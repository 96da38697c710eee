import { describe, expect, test } from 'vitest'
import {
  carla,
  keuken,
  lumen,
  orderId,
  orderThatIs,
  payment,
  shipment,
  story,
  stranger,
  support,
  totalMinor,
  unitMinor,
} from '../order-fixture.ts'

const all = [{ line: 1 }, { line: 2 }, { line: 3 }]

function cancel(items: readonly { line: number; quantity?: number }[]) {
  return { orderId, items, reason: 'OUT_OF_STOCK' }
}

describe('requestCancellation', () => {
  test('marks all open lines, or the ones named; nothing is cancelled yet', () => {
    const orders = orderThatIs('paid')
    expect(
      story(orders.done('requestCancellation', carla, { orderId, reason: 'Too late' })),
    ).toEqual([['CancellationRequested', 'paid']])
    expect(orders.rowsOf(orderId)!.items).toMatchObject([
      { qtyCancelRequested: 2, qtyCancelled: 0 },
      { qtyCancelRequested: 1 },
      { qtyCancelRequested: 3 },
    ])
    orders.done('requestCancellation', carla, {
      orderId,
      items: [{ line: 3, quantity: 1 }],
      reason: 'Too many',
    })
    expect(orders.rowsOf(orderId)!.items[2]).toMatchObject({ qtyCancelRequested: 1 })
  })

  test('is about open lines only', () => {
    const orders = orderThatIs('paid')
    orders.done('shipItems', lumen, shipment(1, [{ line: 1 }, { line: 2 }]))
    expect(
      orders.done('requestCancellation', carla, { orderId, reason: 'Too late' })[0],
    ).toMatchObject({
      data: { items: [{ line: 3, sellerId: 'noord-keuken', quantityRequested: 3 }] },
    })
    expect(
      orders.send('requestCancellation', carla, { orderId, items: [{ line: 1 }], reason: 'x' }),
    ).toMatchObject({
      code: 'ALREADY_SHIPPED',
      rejection: 'conflict',
      detail: { line: 1 },
    })
  })

  test.each(['shipped', 'delivered'] as const)(
    'comes too late for an order that is %s',
    (state) => {
      expect(
        orderThatIs(state).send('requestCancellation', carla, { orderId, reason: 'x' }),
      ).toMatchObject({ code: 'ALREADY_SHIPPED' })
    },
  )

  test.each(['cancelled', 'expired'] as const)('has no sense for an order that is %s', (from) => {
    expect(
      orderThatIs(from).send('requestCancellation', carla, { orderId, reason: 'x' }),
    ).toMatchObject({
      code: 'ILLEGAL_TRANSITION',
      detail: { from, to: 'cancelled' },
    })
  })

  test('may be sent by the customer and support', () => {
    const input = { orderId, reason: 'x' }
    expect(
      [carla, support, stranger, lumen].map(
        (actor) => orderThatIs('paid').send('requestCancellation', actor, input).kind,
      ),
    ).toEqual(['committed', 'committed', 'refused', 'refused'])
  })
})

describe('cancelItems', () => {
  test('cancels a part: the order goes on with the rest', () => {
    const orders = orderThatIs('placed')
    const events = orders.done('cancelItems', lumen, cancel([{ line: 1, quantity: 1 }]))
    expect(story(events)).toEqual([['ItemsCancelled', 'placed']])
    expect(events[0]).toMatchObject({
      data: {
        items: [{ line: 1, quantity: 1, quantityCancelled: 1, quantityRequested: 0 }],
        totals: { totalMinor, cancelledMinor: unitMinor[0] },
      },
    })
  })

  test('cancels the order with its last line', () => {
    expect(story(orderThatIs('placed').done('cancelItems', support, cancel(all)))).toEqual([
      ['ItemsCancelled', 'placed'],
      ['OrderCancelled', 'cancelled'],
    ])
  })

  test('owes back what was paid for what is cancelled', () => {
    const orders = orderThatIs('paid')
    expect(orders.done('cancelItems', lumen, cancel([{ line: 2 }]))).toMatchObject([
      { type: 'ItemsCancelled', data: { status: 'paid' } },
      {
        type: 'RefundDue',
        data: {
          amountMinor: unitMinor[1],
          because: 'cancelled',
          totals: { refundDueMinor: unitMinor[1] },
        },
      },
    ])
    const rest = orders.done('cancelItems', support, cancel([{ line: 1 }, { line: 3 }]))
    expect(story(rest)).toEqual([
      ['ItemsCancelled', 'paid'],
      ['OrderCancelled', 'cancelled'],
      ['RefundDue', 'cancelled'],
    ])
    expect(rest.at(-1)!.data.totals).toMatchObject({
      paidMinor: totalMinor,
      refundDueMinor: totalMinor,
    })
  })

  test('makes an order paid whose payments are enough for the rest', () => {
    const orders = orderThatIs('placed')
    orders.done('registerPayment', carla, payment(totalMinor - 3 * unitMinor[2] + 5, 1))
    const events = orders.done('cancelItems', keuken, cancel([{ line: 3 }]))
    expect(story(events)).toEqual([
      ['ItemsCancelled', 'placed'],
      ['OrderPaid', 'paid'],
      ['RefundDue', 'paid'],
    ])
    expect(events[2]).toMatchObject({ data: { amountMinor: 5 } })
  })

  test('an order of which the rest is cancelled is shipped', () => {
    const orders = orderThatIs('paid')
    orders.done('shipItems', lumen, shipment(1, [{ line: 1 }, { line: 2 }]))
    expect(story(orders.done('cancelItems', keuken, cancel([{ line: 3 }])))).toEqual([
      ['ItemsCancelled', 'shipped'],
      ['RefundDue', 'shipped'],
    ])
  })

  test('answers the wish of the customer', () => {
    const orders = orderThatIs('paid')
    orders.done('requestCancellation', carla, { orderId, items: [{ line: 3 }], reason: 'x' })
    orders.done('cancelItems', keuken, cancel([{ line: 3, quantity: 2 }]))
    expect(orders.rowsOf(orderId)!.items[2]).toMatchObject({
      qtyCancelled: 2,
      qtyCancelRequested: 1,
    })
  })

  test.each([
    ['shipped', [{ line: 1 }], 'ALREADY_SHIPPED', 'conflict', { line: 1 }],
    ['delivered', [{ line: 1 }], 'ALREADY_SHIPPED', 'conflict', { line: 1 }],
    ['paid', [{ line: 1, quantity: 3 }], 'QTY_EXCEEDS_OPEN', 'rule', { line: 1, open: 2 }],
    ['paid', [{ line: 4 }], 'UNKNOWN_LINE', 'rule', { line: 4 }],
    [
      'cancelled',
      [{ line: 1 }],
      'ILLEGAL_TRANSITION',
      'conflict',
      { from: 'cancelled', to: 'cancelled' },
    ],
    [
      'expired',
      [{ line: 1 }],
      'ILLEGAL_TRANSITION',
      'conflict',
      { from: 'expired', to: 'cancelled' },
    ],
  ] as const)(
    'of an order that is %s, %j is rejected with %s',
    (state, items, code, rejection, detail) => {
      expect(orderThatIs(state).send('cancelItems', support, cancel(items))).toEqual({
        kind: 'rejected',
        code,
        rejection,
        detail,
      })
    },
  )

  test('may be sent by the seller of the lines and support', () => {
    const senders = [lumen, support, keuken, carla]
    expect(
      senders.map(
        (actor) => orderThatIs('paid').send('cancelItems', actor, cancel([{ line: 1 }])).kind,
      ),
    ).toEqual(['committed', 'committed', 'refused', 'refused'])
  })
})
