import type { RetailRow } from './retail-rows.ts'

/** Part of an ordered line. */
export interface LinePart {
  readonly orderId: string
  readonly line: number
  readonly quantity: number
}

interface Sold {
  readonly orderId: string
  readonly line: number
  left: number
}

/**
 * What a credit note may be about. The source does not say which invoice a credit belongs to; it is taken from what the
 * same customer bought of the same code, the oldest first. Rows without a customer match nothing.
 */
export class Credits {
  readonly #sold = new Map<string, Sold[]>()

  sell({ customer, stockCode, quantity }: RetailRow, orderId: string, line: number): void {
    if (customer === undefined) return
    const key = `${customer} ${stockCode}`
    const list = this.#sold.get(key)
    const sold = { orderId, line, left: quantity }
    if (list === undefined) this.#sold.set(key, [sold])
    else list.push(sold)
  }

  /** Takes the credited quantity from earlier lines; undefined (and nothing taken) when there is not as much. */
  take({ customer, stockCode, quantity }: RetailRow): LinePart[] | undefined {
    const list = customer === undefined ? undefined : this.#sold.get(`${customer} ${stockCode}`)
    let wanted = -quantity
    if (list === undefined || list.reduce((sum, { left }) => sum + left, 0) < wanted)
      return undefined
    const parts: LinePart[] = []
    while (wanted > 0) {
      const oldest = list[0]!
      const taken = Math.min(oldest.left, wanted)
      parts.push({ orderId: oldest.orderId, line: oldest.line, quantity: taken })
      oldest.left -= taken
      wanted -= taken
      if (oldest.left === 0) list.shift()
    }
    return parts
  }
}
