import { useState } from 'react'
import { newId, type OrderData } from '../api.ts'
import { money } from '../format.ts'
import { rejectionText, useSend } from '../send.ts'
import { session } from '../session.ts'

type Step = 'pay' | 'ship' | 'deliver' | 'cancel'

/** What the viewer may do with an order now. Effects show at once and are confirmed by the read model, or taken back. */
export function OrderActions({
  order,
  refetch,
}: {
  readonly order: OrderData
  readonly refetch: () => void
}) {
  const [message, setMessage] = useState<{ readonly tone: 'good' | 'bad'; readonly text: string }>()
  const send = useSend()
  const [busy, setBusy] = useState<Step>()
  const run = async (
    step: Step,
    done: string,
    action: () => Promise<string | undefined>,
  ): Promise<void> => {
    setBusy(step)
    setMessage(undefined)
    try {
      const refusal = await action()
      setMessage(
        refusal === undefined ? { tone: 'good', text: done } : { tone: 'bad', text: refusal },
      )
    } catch (error) {
      setMessage({ tone: 'bad', text: (error as Error).message })
    } finally {
      setBusy(undefined)
      refetch()
    }
  }
  const { role } = session()
  const due = order.totalMinor - order.paidMinor
  const open = openLines(order)
  const travelling = order.shipments.filter((parcel) => parcel.deliveredAt == null)
  const pay = (): Promise<void> =>
    run('pay', 'Payment registered.', async () =>
      rejectionText(
        await send('registerPayment', {
          orderId: order.orderId,
          paymentId: newId(),
          method: 'card',
          amountMinor: due,
          currency: order.currency,
        }),
      ),
    )
  const ship = (): Promise<void> =>
    run('ship', 'Shipped.', async () =>
      rejectionText(
        await send('shipItems', {
          orderId: order.orderId,
          shipmentId: newId(),
          items: open.map(({ line }) => ({ line })),
          carrier: 'PostNL',
          tracking: `3S${newId().replaceAll('-', '').slice(-12).toUpperCase()}`,
        }),
      ),
    )
  const deliver = (): Promise<void> =>
    run('deliver', 'Delivery confirmed.', async () => {
      for (const { shipmentId } of travelling) {
        const refusal = rejectionText(
          await send('confirmDelivery', { orderId: order.orderId, shipmentId }),
        )
        if (refusal !== undefined) return refusal
      }
      return undefined
    })
  const cancel = (): Promise<void> =>
    run('cancel', role === 'customer' ? 'Cancellation requested.' : 'Cancelled.', async () =>
      rejectionText(
        role === 'customer'
          ? await send('requestCancellation', {
              orderId: order.orderId,
              reason: 'REQUESTED_BY_CUSTOMER',
            })
          : await send('cancelItems', {
              orderId: order.orderId,
              items: open.map(({ line }) => ({ line })),
              reason: 'REQUESTED_BY_CUSTOMER',
            }),
      ),
    )
  const steps = [
    {
      step: 'pay' as const,
      when: role !== 'seller' && order.status === 'placed' && due > 0,
      label: `Pay ${money(due, order.currency)}`,
      act: pay,
      tone: 'primary',
    },
    {
      step: 'ship' as const,
      when:
        role !== 'customer' &&
        ['paid', 'partially-shipped'].includes(order.status) &&
        open.length > 0,
      label: 'Ship open items',
      act: ship,
      tone: 'primary',
    },
    {
      step: 'deliver' as const,
      when: role !== 'customer' && travelling.length > 0,
      label: 'Confirm delivery',
      act: deliver,
      tone: '',
    },
    {
      step: 'cancel' as const,
      when: ['placed', 'paid', 'partially-shipped'].includes(order.status) && open.length > 0,
      label: role === 'customer' ? 'Request cancellation' : 'Cancel open items',
      act: cancel,
      tone: 'danger',
    },
  ].filter(({ when }) => when)
  if (steps.length === 0 && message === undefined) return null
  return (
    <section className="card" aria-label="Actions">
      <div className="card-body stack tight">
        {steps.map(({ step, label, act, tone }) => (
          <button
            key={step}
            type="button"
            className={`button ${tone}`}
            disabled={busy !== undefined}
            onClick={() => void act()}
            data-testid={`action-${step}`}
          >
            {busy === step ? 'Sending…' : label}
          </button>
        ))}
        {message === undefined ? null : (
          <div className={`notice ${message.tone}`} role="status" data-testid="action-message">
            {message.text}
          </div>
        )}
      </div>
    </section>
  )
}

function openLines(order: OrderData): OrderData['lines'] {
  const { role, id } = session()
  return order.lines.filter(
    (line) =>
      line.quantity - line.quantityShipped - line.quantityCancelled > 0 &&
      (role !== 'seller' || line.sellerId === id),
  )
}
