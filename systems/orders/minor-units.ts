const digits = new Map<string, number>()

/** How many decimals a currency has: 2 of EUR, none of JPY, 3 of KWD. */
function minorDigits(currency: string): number {
  let known = digits.get(currency)
  if (known === undefined) {
    const format = new Intl.NumberFormat('en', { style: 'currency', currency })
    known = format.resolvedOptions().maximumFractionDigits ?? 2
    digits.set(currency, known)
  }
  return known
}

/** An amount in the unit that people count in. */
export function majorUnits(minor: number, currency: string): number {
  return minor / 10 ** minorDigits(currency)
}

/** An amount as text that is the same everywhere, such as `12.50 EUR`. */
export function amountText(minor: number, currency: string): string {
  return `${majorUnits(minor, currency).toFixed(minorDigits(currency))} ${currency}`
}
