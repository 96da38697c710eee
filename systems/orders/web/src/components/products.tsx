import { useState } from 'react'
import type { Offer } from '../api.ts'
import { money } from '../format.ts'
import type { BasketContent } from '../use-basket.ts'
import { Empty } from './page-states.tsx'
import { Stepper } from './stepper.tsx'

const pageSize = 60

/** The offers whose title or code has every word of the filter, a page at a time. */
export function Products({
  offers,
  filter,
  basket,
  change,
}: {
  readonly offers: readonly Offer[]
  readonly filter: string
  readonly basket: BasketContent
  readonly change: (sku: string, by: number) => void
}) {
  const [shown, setShown] = useState(pageSize)
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  const found = offers.filter(({ title, sku }) =>
    words.every((word) => `${title} ${sku}`.toLowerCase().includes(word)),
  )
  if (found.length === 0) return <Empty title="No product matches" hint="Try fewer words." />
  return (
    <>
      <table className="table cards">
        <thead className="visually-hidden">
          <tr>
            <th scope="col">Product</th>
            <th scope="col">Price</th>
            <th scope="col">Quantity</th>
          </tr>
        </thead>
        <tbody>
          {found.slice(0, shown).map((offer) => (
            <tr key={offer.sku}>
              <td>
                <div className="primary" dir="auto">
                  {offer.title}
                </div>
                <div className="sub">
                  <bdi className="mono">{offer.sku}</bdi> · <bdi>{offer.sellerId}</bdi>
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
      {found.length <= shown ? null : (
        <div className="pager">
          <span>
            {shown.toLocaleString()} of {found.length.toLocaleString()} products
          </span>
          <button type="button" className="button small" onClick={() => setShown(shown + pageSize)}>
            Show more
          </button>
        </div>
      )}
    </>
  )
}
