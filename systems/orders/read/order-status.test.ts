import { test } from 'vitest'
import { test as given } from 'tailrace/testing'
import { orderThatIs } from '../order-fixture.ts'
import { OrderStatus } from './order-status.ts'

const doc = {
  orderId: '00000000-0000-4000-8000-000000000001',
  customerId: 'c-1001',
  sellerIds: ['lumen-living', 'noord-keuken'],
}

test.each([
  ['placed', 1],
  ['paid', 3],
  ['shipped', 5],
  ['delivered', 8],
  ['cancelled', 3],
  ['expired', 2],
] as const)('after an order is %s the status says so, at version %i', (status, version) => {
  given(OrderStatus)
    .given(...orderThatIs(status).log)
    .gives({ ...doc, status, version })
})

test('knows nothing of an order that was never placed', () => {
  given(OrderStatus).given(orderThatIs('paid').log[1]!).givesNothing()
})
