import { expect, test } from 'vitest'
import { amountText, majorUnits } from './minor-units.ts'

test.each([
  [1_200, 'JPY', '1200 JPY'],
  [1_200, 'EUR', '12.00 EUR'],
  [5, 'GBP', '0.05 GBP'],
  [1_200, 'KWD', '1.200 KWD'],
  [9_007_199_254_740_991, 'EUR', '90071992547409.91 EUR'],
  [0, 'JPY', '0 JPY'],
  // Well-formed, but of no country.
  [1_200, 'QQQ', '12.00 QQQ'],
])('%i minor units of %s are %s', (minor, currency, text) => {
  expect(amountText(minor, currency)).toBe(text)
  expect(`${majorUnits(minor, currency)}`).toBe(`${Number(text.split(' ')[0])}`)
})
