import { offersOf, type Offer, type Offers } from '../offers.ts'
import { isUnreadable, type RetailRow, type UnreadableRow } from './retail-rows.ts'
import { pence } from './thousandths.ts'

/** What a first reading of the source tells. */
export interface Survey {
  readonly rows: number
  readonly offers: Offers
}

interface Product {
  /** Descriptions by how often they occur: 650 codes have several. */
  readonly titles: Map<string, number>
  priceMinor: number
}

/** Reads all rows once: how many there are, and an offer per stock code with its most frequent title and its last price. */
export async function survey(rows: AsyncIterable<RetailRow | UnreadableRow>): Promise<Survey> {
  const products = new Map<string, Product>()
  let count = 0
  for await (const row of rows) {
    count += 1
    if (isUnreadable(row)) continue
    const product = products.get(row.stockCode) ?? {
      titles: new Map<string, number>(),
      priceMinor: 0,
    }
    products.set(row.stockCode, product)
    if (row.description !== '')
      product.titles.set(row.description, (product.titles.get(row.description) ?? 0) + 1)
    if (row.quantity > 0 && row.unitPrice > 0n) product.priceMinor = pence(row.unitPrice)
  }
  return {
    rows: count,
    offers: offersOf([...products].map(([sku, product]) => offerOf(sku, product))),
  }
}

function offerOf(sku: string, { titles, priceMinor }: Product): Offer {
  const [title] = [...titles].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0] ?? [
    `Product ${sku}`,
  ]
  return { sku, sellerId: sellerOf(sku), title, currency: 'GBP', unitMinor: priceMinor }
}

/**
 * The source is one shop. Sellers are our fiction, so that a marketplace can be shown: products by the first two digits of
 * their code, services such as postage by the shop itself.
 */
function sellerOf(sku: string): string {
  const group = /^(\d{2})\d{3}/.exec(sku)?.[1]
  return group === undefined ? 'giftware-house' : `giftware-${group}`
}
