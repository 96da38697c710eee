import { expect, test } from 'vitest'
import { carla, orderThatIs, payment } from '../order-fixture.ts'
import type { OrderEvent } from './order-event.ts'
import { OrderDocument } from './order-document.ts'
import { timelineText } from './timeline-text.ts'

test.each([
  ['JPY', '1200 JPY'],
  ['EUR', '12.00 EUR'],
  ['KWD', '1.200 KWD'],
])('amounts have the decimals of their currency: %s', (currency, amount) => {
  const orders = orderThatIs('placed')
  const [paid] = orders.done('registerPayment', carla, payment(1_200))
  const [doc] = orders.fold(OrderDocument).values()
  const refund = { ...paid, type: 'RefundDue', data: { ...paid!.data, amountMinor: 1_200 } }
  const texts = [paid!, refund as OrderEvent].map((event) =>
    timelineText(event, { ...doc!, currency }, undefined),
  )
  expect(texts).toEqual([`${amount} by card received`, `${amount} to be paid back`])
})
