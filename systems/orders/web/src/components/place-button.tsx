import { useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { client, newId, type CommandInput, type Offer, type OrderData } from '../api.ts'
import { placingEffects } from '../pending-effects.ts'
import { notSentText, rejectionText, useSend, type SendResult } from '../send.ts'

export interface BasketLine {
  readonly offer: Offer
  readonly quantity: number
}

const againText = 'Press again: what was placed already is not placed twice.'

type Placing = CommandInput<'placeOrder'>

/** Places the order of a basket and opens its page. */
export function PlaceButton({
  lines,
  currency,
  customer,
  placed,
}: {
  readonly lines: readonly BasketLine[]
  readonly currency: string
  readonly customer: string
  readonly placed: () => void
}) {
  const [, navigate] = useLocation()
  const send = useSend()
  const [busy, setBusy] = useState(false)
  const [refusal, setRefusal] = useState<string>()
  const idOf = useIdOfContent()
  const place = async (): Promise<void> => {
    setBusy(true)
    setRefusal(undefined)
    const content = { customerId: customer, currency, items: itemsOf(lines) }
    const input: Placing = { orderId: idOf(content), ...content }
    try {
      // The answer that there is none yet is what the new order is laid over.
      await client().views.order({ orderId: input.orderId }).refetch()
      const result = await send('placeOrder', input, placingEffects(shownOrder(input, lines)))
      if (isPlaced(result)) {
        placed()
        navigate(`/orders/${input.orderId}`)
      } else setRefusal(rejectionText(result))
    } catch (error) {
      setRefusal(notSentText(error as Error, againText))
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <button
        type="button"
        className="button primary"
        disabled={busy || lines.length === 0 || customer === ''}
        onClick={() => void place()}
        data-testid="place-order"
      >
        {busy ? 'Placing…' : 'Place order'}
      </button>
      {refusal === undefined ? null : (
        <div className="notice bad" role="alert">
          {refusal}
        </div>
      )}
    </>
  )
}

/** An order whose first answer was lost is placed all the same, and its second sending says that it exists. */
function isPlaced(result: SendResult): boolean {
  return result.ok || result.code === 'ORDER_EXISTS'
}

/** One id per content: who presses again because no answer came does not order twice. */
function useIdOfContent(): (content: Omit<Placing, 'orderId'>) => string {
  const last = useRef({ content: '', id: '' })
  return (content) => {
    const text = JSON.stringify(content)
    if (last.current.content !== text) last.current = { content: text, id: newId() }
    return last.current.id
  }
}

function itemsOf(lines: readonly BasketLine[]): Placing['items'] {
  return lines.map(({ offer: { sku, unitMinor }, quantity }) => ({ sku, quantity, unitMinor }))
}

/** The order as its page shows it until the read model has it. */
function shownOrder(input: Placing, basket: readonly BasketLine[]): OrderData {
  const placedAt = new Date().toISOString()
  const lines = basket.map(({ offer: { sku, title, sellerId, unitMinor }, quantity }, i) => ({
    line: i + 1,
    sku,
    title,
    sellerId,
    quantity,
    quantityShipped: 0,
    quantityCancelled: 0,
    quantityRequested: 0,
    unitMinor,
    dueAt: placedAt,
  }))
  return {
    orderId: input.orderId,
    customerId: input.customerId,
    reference: null,
    status: 'placed',
    version: 1,
    currency: input.currency,
    totalMinor: lines.reduce((sum, { unitMinor, quantity }) => sum + unitMinor * quantity, 0),
    paidMinor: 0,
    cancelledMinor: 0,
    refundDueMinor: 0,
    placedAt,
    expiresAt: null,
    dueAt: null,
    lines,
    payments: [],
    shipments: [],
    returns: [],
    timeline: [],
    timelineLeftOut: 0,
  }
}
