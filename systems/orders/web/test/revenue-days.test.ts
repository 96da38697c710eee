import { expect, test } from 'vitest'
import { lastDays } from '../src/revenue-days.ts'

const entry = (day: string, currency: string) => ({
  day,
  currency,
  orders: 1,
  revenueMinor: 100,
  refundDueMinor: 0,
})

test('days are shown whole, with all their currencies, the newest first', () => {
  const entries = ['2026-11-01', '2026-11-02', '2026-11-03'].flatMap((day) =>
    ['JPY', 'EUR', 'KWD'].map((currency) => entry(day, currency)),
  )
  expect(
    lastDays(entries, 2).map(({ day, entries: of }) => [day, of.map(({ currency }) => currency)]),
  ).toEqual([
    ['2026-11-03', ['EUR', 'JPY', 'KWD']],
    ['2026-11-02', ['EUR', 'JPY', 'KWD']],
  ])
  expect(lastDays(entries, 30)).toHaveLength(3)
  expect(lastDays([], 30)).toEqual([])
})
