import { test } from 'vitest'
import { test as given } from 'tailrace/testing'
import { orderId, orderThatIs, totalMinor } from '../order-fixture.ts'
import { CustomerOrders } from './customer-orders.ts'

test('lists an order with its first titles, state and amounts', () => {
  given(CustomerOrders)
    .given(...orderThatIs('paid').log)
    .gives({
      orderId,
      customerId: 'c-1001',
      reference: null,
      status: 'paid',
      version: 3,
      currency: 'EUR',
      totalMinor,
      paidMinor: totalMinor,
      placedAt: '2026-11-26T12:00:00.000Z',
      lineCount: 3,
      titles: ['Desk lamp, brass', 'Floor lamp, brass', 'Saucepan 1.5 l, stainless steel'],
    })
})
