import { useEffect, useState } from 'react'
import { client, useOffers } from '../api.ts'
import { Basket } from '../components/basket.tsx'
import { Empty, LoadingRows, Problem } from '../components/page-states.tsx'
import { Products } from '../components/products.tsx'
import { count } from '../format.ts'
import { searchInput, unfiltered } from '../list-filters.ts'
import { noteShown } from '../shown-lists.ts'
import { useSession } from '../session.ts'
import { useBasket, type BasketContent } from '../use-basket.ts'
import { usePageTitle } from '../use-page.ts'

/** Picks products from the offers snapshot and places an order; its page opens at once. */
export function PlaceOrder() {
  usePageTitle('Place an order')
  const { role, id } = useSession()
  const { offers, error } = useOffers()
  const [filter, setFilter] = useState('')
  const [basket, change, empty] = useBasket(`${role}:${id}`)
  const [customer, setCustomer] = useState(role === 'customer' ? id : 'c-1001')
  useEffect(readList, [])
  if (role === 'seller')
    return (
      <Empty
        level={1}
        title="Sellers do not place orders"
        hint="Choose a customer or support above."
      />
    )
  return (
    <>
      <div className="page-head">
        <h1>Place an order</h1>
      </div>
      {offers === undefined ? (
        error === undefined ? (
          <LoadingRows />
        ) : (
          <Problem error={error} />
        )
      ) : (
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
            <Products
              key={filter}
              offers={offers}
              filter={filter}
              basket={basket}
              change={change}
            />
          </section>
          <Basket
            offers={offers}
            basket={basket}
            change={change}
            empty={empty}
            customer={customer}
            setCustomer={role === 'customer' ? undefined : setCustomer}
          />
          <BasketBar basket={basket} />
        </div>
      )}
    </>
  )
}

/** On a phone the basket is below the products: a bar says that something is in it, and leads there. */
function BasketBar({ basket }: { readonly basket: BasketContent }) {
  const items = [...basket.values()].reduce((sum, quantity) => sum + quantity, 0)
  return items === 0 ? null : (
    <a className="button primary basket-bar" href="#basket">
      Basket: {count(items, 'item')}
    </a>
  )
}

/** The list that one comes back to: the new order shows on top of it even if its read model stands still. */
function readList(): void {
  const input = searchInput(unfiltered)
  const view = client().views.searchOrders(input)
  noteShown(client(), 'searchOrders', input, view)
  if (view.getSnapshot().data === undefined) void view.refetch()
}
