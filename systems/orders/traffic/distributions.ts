import type { Random } from './random.ts'

/**
 * Shapes measured on the online-retail set (UCI, CC BY 4.0): only these figures are here, not the data. The source is a
 * wholesaler; `household` turns its baskets into those of a household and keeps their shape.
 */

/** Values at the shares 0 %, 5 %, … 95 %, 99 %, 99.9 %. */
const shares = [...Array.from({ length: 20 }, (_, i) => i / 20), 0.99, 0.999, 1]
const linesPerInvoice = [
  1, 1, 2, 3, 5, 6, 8, 10, 11, 13, 15, 17, 19, 22, 25, 29, 34, 42, 54, 79, 220, 593, 593,
]
const quantityPerLine = [
  1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 6, 6, 8, 10, 12, 12, 24, 30, 100, 450, 450,
]
const household = { lines: 6, quantity: 4, linesMax: 40, quantityMax: 50 }

export function basketLines(random: Random): number {
  return Math.min(
    household.linesMax,
    Math.ceil(at(linesPerInvoice, random.next()) / household.lines),
  )
}

export function lineQuantity(random: Random): number {
  return Math.min(
    household.quantityMax,
    Math.ceil(at(quantityPerLine, random.next()) / household.quantity),
  )
}

/** The value at a share, between two known ones on the line that joins them. */
function at(values: readonly number[], share: number): number {
  const i = shares.findLastIndex((known) => known <= share)
  const from = shares[i]!
  const to = shares[i + 1] ?? 1
  const part = to === from ? 0 : (share - from) / (to - from)
  return values[i]! + part * ((values[i + 1] ?? values[i]!) - values[i]!)
}

/** Of all ordered lines, the share that the most popular products have: 0.1 % of the products have 1.5 % of the lines. */
const popularity = [
  [0, 0],
  [0.001, 0.0153],
  [0.002, 0.0264],
  [0.005, 0.0546],
  [0.01, 0.0954],
  [0.02, 0.1596],
  [0.05, 0.2946],
  [0.1, 0.447],
  [0.2, 0.6447],
  [0.3, 0.7719],
  [0.5, 0.9198],
  [0.7, 0.9812],
  [1, 1],
] as const

/** A product by popularity: its place in a list of `count`, the most popular first. */
export function popularProduct(random: Random, count: number): number {
  const share = random.next()
  const i = popularity.findLastIndex(([, lines]) => lines <= share)
  const [from, below] = popularity[i]!
  const [to, above] = popularity[i + 1] ?? [1, 1]
  const rank = above === below ? from : from + ((share - below) / (above - below)) * (to - from)
  return Math.min(count - 1, Math.floor(rank * count))
}

/** How many orders came in one minute of opening hours: most minutes none, now and then several. */
const arrivals = [0.8939, 0.0982, 0.0073, 0.0005, 0.0001] as const

/** The mean of `arrivalsInStep`. */
export const arrivalsPerStep = arrivals.reduce<number>(
  (sum, share, count) => sum + share * count,
  0,
)

/** Orders in one step of the measured process; bursts included. */
export function arrivalsInStep(random: Random): number {
  let rest = random.next()
  for (const [count, share] of arrivals.entries()) {
    rest -= share
    if (rest < 0) return count
  }
  return 0
}
