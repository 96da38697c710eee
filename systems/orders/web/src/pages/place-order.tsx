import { useMemo, useState } from 'react'
import { useLocation } from 'wouter'
import { newId, useOffers, type Offer } from '../api.ts'
import { Empty, LoadingRows, Problem } from '../components/page-states.tsx'
import { money } from '../format.ts'
import { rejectionText, useSend } from '../send.ts'
import { useSession } from '../session.ts'

/** Picks products from the offers snapshot and places an order; its page opens at once. */
export function PlaceOrder() {
  const { role, id } = useSession()
  const { offers, error } = useOffers()
  const [filter, setFilter] = useState('')
  const [basket, setBasket] = useState<ReadonlyMap<string, number>>(new Map())
  const [customer, setCustomer] = useState(role === 'customer' ? id : 'c-1001')
  if (role === 'seller')
    return <Empty title="Sellers do not place orders" hint="Choose a customer or support above." />
  if (error !== undefined) return <Problem error={error} />
  if (offers === undefined) return <LoadingRows />
  const change = (sku: string, by: number): void => {
    const next = new Map(basket)
    const quantity = (next.get(sku) ?? 0) + by
    if (quantity <= 0) next.delete(sku)
    else next.set(sku, Math.min(quantity, 99))
    setBasket(next)
  }
  return (
    <>
      <div className="page-head">
        <h1>Place an order</h1>
      </div>
      <div className="two">
        <section className="card" aria-label="Products">
          <div className="card-head">
            <label className="search">
              <span className="visually-hidden">Find a product</span>
              <input
                className="input"
                type="search"
                placeholder="Find a product"
                value={filter}
                onChange={(event) => setFilter(event.target.value)}
              />
            </label>
          </div>
          <Products offers={offers} filter={filter} basket={basket} change={change} />
        </section>
        <Basket
          offers={offers}
          basket={basket}
          change={change}
          customer={customer}
          setCustomer={role === 'customer' ? undefined : setCustomer}
        />
      </div>
    </>
  )
}

interface BasketProps {
  readonly offers: readonly Offer[]
  readonly basket: ReadonlyMap<string, number>
  readonly change: (sku: string, by: number) => void
}

const shownMax = 60

function Products({ offers, filter, basket, change }: BasketProps & { readonly filter: string }) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  const found = offers.filter(({ title, sku }) =>
    words.every((word) => `${title} ${sku}`.toLowerCase().includes(word)),
  )
  if (found.length === 0) return <Empty title="No product matches" />
  return (
    <table className="table cards">
      <tbody>
        {found.slice(0, shownMax).map((offer) => (
          <tr key={offer.sku}>
            <td>
              <div className="primary">{offer.title}</div>
              <div className="sub">
                <span className="mono">{offer.sku}</span> · {offer.sellerId}
              </div>
            </td>
            <td className="num primary">{money(offer.unitMinor, offer.currency)}</td>
            <td className="num wide">
              <Stepper
                label={offer.title}
                quantity={basket.get(offer.sku) ?? 0}
                change={(by) => change(offer.sku, by)}
              />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Stepper({
  label,
  quantity,
  change,
}: {
  readonly label: string
  readonly quantity: number
  readonly change: (by: number) => void
}) {
  if (quantity === 0) {
    return (
      <button
        type="button"
        className="button small"
        onClick={() => change(1)}
        aria-label={`Add ${label}`}
        data-testid="add-product"
      >
        Add
      </button>
    )
  }
  return (
    <span className="stepper">
      <button
        type="button"
        className="button small"
        onClick={() => change(-1)}
        aria-label={`One less of ${label}`}
      >
        −
      </button>
      <output>{quantity}</output>
      <button
        type="button"
        className="button small"
        onClick={() => change(1)}
        aria-label={`One more of ${label}`}
      >
        +
      </button>
    </span>
  )
}

function Basket({
  offers,
  basket,
  change,
  customer,
  setCustomer,
}: BasketProps & {
  readonly customer: string
  readonly setCustomer: ((id: string) => void) | undefined
}) {
  const lines = useMemo(
    () =>
      offers
        .filter(({ sku }) => basket.has(sku))
        .map((offer) => ({ offer, quantity: basket.get(offer.sku)! })),
    [offers, basket],
  )
  const currency = lines[0]?.offer.currency ?? 'EUR'
  const total = lines.reduce((sum, { offer, quantity }) => sum + offer.unitMinor * quantity, 0)
  return (
    <aside className="card basket" aria-label="Basket">
      <div className="card-head">
        <h2>Basket</h2>
      </div>
      <div className="card-body stack">
        {lines.length === 0 ? <p className="muted">Nothing in it yet.</p> : null}
        {lines.map(({ offer, quantity }) => (
          <div key={offer.sku} className="basket-line">
            <span>{offer.title}</span>
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
        <div className="facts">
          <span className="muted">Total</span>
          <strong>{money(total, currency)}</strong>
        </div>
        <PlaceButton lines={lines} currency={currency} customer={customer.trim()} />
      </div>
    </aside>
  )
}

interface BasketLine {
  readonly offer: Offer
  readonly quantity: number
}

function PlaceButton({
  lines,
  currency,
  customer,
}: {
  readonly lines: readonly BasketLine[]
  readonly currency: string
  readonly customer: string
}) {
  const [, navigate] = useLocation()
  const send = useSend()
  const [busy, setBusy] = useState(false)
  const [refusal, setRefusal] = useState<string>()
  const place = async (): Promise<void> => {
    setBusy(true)
    setRefusal(undefined)
    const orderId = newId()
    const items = lines.map(({ offer: { sku, unitMinor }, quantity }) => ({
      sku,
      quantity,
      unitMinor,
    }))
    try {
      const text = rejectionText(
        await send('placeOrder', { orderId, customerId: customer, currency, items }),
      )
      if (text === undefined) navigate(`/orders/${orderId}`)
      else setRefusal(text)
    } catch (error) {
      setRefusal((error as Error).message)
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
