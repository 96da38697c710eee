import { useMemo } from 'react'
import type { Offer } from '../api.ts'
import { money } from '../format.ts'
import type { BasketContent } from '../use-basket.ts'
import { PlaceButton, type BasketLine } from './place-button.tsx'
import { Stepper } from './stepper.tsx'

/** What is about to be ordered, for whom, and what it costs. */
export function Basket({
  offers,
  basket,
  change,
  empty,
  customer,
  setCustomer,
}: {
  readonly offers: readonly Offer[]
  readonly basket: BasketContent
  readonly change: (sku: string, by: number) => void
  readonly empty: () => void
  readonly customer: string
  /** Absent where it is the viewer. */
  readonly setCustomer: ((id: string) => void) | undefined
}) {
  const lines = useMemo<readonly BasketLine[]>(
    () =>
      offers
        .filter(({ sku }) => basket.has(sku))
        .map((offer) => ({ offer, quantity: basket.get(offer.sku)! })),
    [offers, basket],
  )
  const currency = lines[0]?.offer.currency ?? offers[0]?.currency ?? 'EUR'
  const total = lines.reduce((sum, { offer, quantity }) => sum + offer.unitMinor * quantity, 0)
  return (
    <aside className="card basket" aria-labelledby="basket">
      <div className="card-head">
        <h2 id="basket">Basket</h2>
      </div>
      <div className="card-body stack">
        {lines.length === 0 ? <p className="muted">Nothing in it yet.</p> : null}
        {lines.map(({ offer, quantity }) => (
          <div key={offer.sku} className="basket-line">
            <span dir="auto">{offer.title}</span>
            <Stepper
              label={offer.title}
              quantity={quantity}
              change={(by) => change(offer.sku, by)}
            />
          </div>
        ))}
        {setCustomer === undefined ? null : (
          <label className="field">
            Customer
            <input
              className="input"
              value={customer}
              maxLength={64}
              onChange={(event) => setCustomer(event.target.value)}
            />
          </label>
        )}
        <dl className="facts">
          <dt>Total</dt>
          <dd>
            <strong>{money(total, currency)}</strong>
          </dd>
        </dl>
        <PlaceButton lines={lines} currency={currency} customer={customer.trim()} placed={empty} />
      </div>
    </aside>
  )
}
