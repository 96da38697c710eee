/**
 * Money of the source, exact: a few prices have three decimals, so sums are kept in thousandths.
 * The write model holds whole pence: each unit price is rounded half away from zero, once, when the order is placed.
 */
export type Thousandths = bigint

/** Reads a decimal with up to three places; undefined when it is not one. */
export function thousandths(text: string): Thousandths | undefined {
  const match = /^(-?)(\d{1,15})(?:\.(\d{1,3}))?$/.exec(text)
  if (match === null) return undefined
  const [, sign, whole, fraction = ''] = match
  const value = BigInt(whole! + fraction.padEnd(3, '0'))
  return sign === '-' ? -value : value
}

/** Whole pence, half away from zero. */
export function pence(value: Thousandths): number {
  const half = value < 0n ? -5n : 5n
  return Number((value + half) / 10n)
}

/** As a decimal with at least two places. */
export function decimal(value: Thousandths): string {
  const digits = (value < 0n ? -value : value).toString().padStart(4, '0')
  const fraction = digits.slice(-3)
  const shown = fraction.endsWith('0') ? fraction.slice(0, 2) : fraction
  return `${value < 0n ? '-' : ''}${digits.slice(0, -3)}.${shown}`
}
