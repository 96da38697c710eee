import { conflict, rule } from 'tailrace'
import { z } from 'zod'
import { customerOrSupport } from './access.ts'
import { PaymentRegistered } from './events.ts'
import { Currency, OccurredAt, OrderId, utc, Uuid } from './fields.ts'
import { after, consequences, proceed } from './order-course.ts'
import { totalsOf, unpaidMinor } from './order-facts.ts'
import { Order, type OrderRows } from './order.ts'
import { exampleOrderId } from './place-order.ts'
import { happened, stillToCome } from './stated-time.ts'

/** Registers money that came in. After a cancellation or expiry it is taken as well, and due back at once. */
export const registerPayment = Order.command('registerPayment', {
  input: z.strictObject({
    orderId: OrderId,
    paymentId: Uuid,
    method: z.enum(['card', 'boleto', 'voucher']),
    amountMinor: z.int().min(1).max(1_000_000_000_000),
    currency: Currency,
    occurredAt: OccurredAt,
  }),
  target: ({ orderId }) => orderId,
  on: 'existing',
  may: customerOrSupport,
  rejections: {
    ...happened,
    /** Nobody pays more than is open. */
    OVERPAID: rule(z.object({ unpaidMinor: z.int() })),
    CURRENCY_MISMATCH: rule(z.object({ currency: z.string() })),
    PAYMENT_EXISTS: conflict(),
  },
  decide({ input, rows, now, reject }) {
    const future = stillToCome(input, now)
    if (future !== undefined) return reject.TIME_IN_FUTURE(future)
    const { paymentId, method, amountMinor, currency } = input
    if (currency !== rows.order.currency)
      return reject.CURRENCY_MISMATCH({ currency: rows.order.currency })
    if (rows.payments.some(({ id }) => id === paymentId)) return reject.PAYMENT_EXISTS()
    const tooLate = rows.order.status === 'cancelled' || rows.order.status === 'expired'
    const unpaid = Math.max(0, unpaidMinor(totalsOf(rows)))
    if (!tooLate && amountMinor > unpaid) return reject.OVERPAID({ unpaidMinor: unpaid })
    const occurredAt = utc(input.occurredAt ?? now)
    const payment: OrderRows['payments'][number] = {
      orderId: rows.order.id,
      id: paymentId,
      method,
      seq: rows.payments.length + 1,
      amountMinor,
      state: tooLate ? 'refund-due' : 'received',
      paidAt: occurredAt,
    }
    const next = proceed(rows, { ...rows, payments: [...rows.payments, payment] })
    return [
      PaymentRegistered({
        ...after(rows, next, occurredAt),
        paymentId,
        method,
        seq: payment.seq,
        amountMinor,
        currency,
        state: tooLate ? 'refund-due' : 'received',
      }),
      ...consequences(rows, next, { occurredAt, because: 'paid-too-late' }),
    ]
  },
  examples: [
    {
      as: { role: 'customer', id: 'c-1001' },
      input: {
        orderId: exampleOrderId,
        paymentId: '0b6f2f52-5a3c-4f0e-9a55-6f3f7f6a1c02',
        method: 'card',
        amountMinor: 6_535,
        currency: 'EUR',
      },
    },
  ],
})
