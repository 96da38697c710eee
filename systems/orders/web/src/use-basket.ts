import { useState } from 'react'

/** Quantities by SKU. */
export type BasketContent = ReadonlyMap<string, number>

const mostOfOne = 99

/** The basket of an identity. It outlives a reload of its tab. */
export function useBasket(
  owner: string,
): readonly [BasketContent, (sku: string, by: number) => void, () => void] {
  const key = `orders.basket ${owner}`
  const [basket, setBasket] = useState<BasketContent>(() => read(key))
  const keep = (next: BasketContent): void => {
    setBasket(next)
    try {
      sessionStorage.setItem(key, JSON.stringify([...next]))
    } catch {
      // Kept for as long as the page lives, then.
    }
  }
  const change = (sku: string, by: number): void => {
    const next = new Map(basket)
    const quantity = (next.get(sku) ?? 0) + by
    if (quantity <= 0) next.delete(sku)
    else next.set(sku, Math.min(quantity, mostOfOne))
    keep(next)
  }
  return [basket, change, () => keep(new Map())]
}

function read(key: string): BasketContent {
  try {
    const stored = JSON.parse(sessionStorage.getItem(key) ?? '[]') as [string, number][]
    return new Map(stored.filter(([, quantity]) => Number.isInteger(quantity) && quantity > 0))
  } catch {
    // A broken entry, or a browser that keeps nothing, is the same as none.
    return new Map()
  }
}
