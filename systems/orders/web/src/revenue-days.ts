import type { QueryData } from './api.ts'

type Entry = QueryData<'operations'>['revenueByDay'][number]

/** A day with what was earned on it, by currency. */
export interface RevenueDay {
  readonly day: string
  readonly entries: readonly Entry[]
}

/** The last `count` whole days, the newest first. A day has an entry per currency, and all of them are shown. */
export function lastDays(entries: readonly Entry[], count: number): readonly RevenueDay[] {
  const days = Map.groupBy(entries, ({ day }) => day)
  return [...days]
    .map(([day, of]) => ({
      day,
      entries: of.toSorted((a, b) => (a.currency < b.currency ? -1 : 1)),
    }))
    .toSorted((a, b) => (a.day > b.day ? -1 : 1))
    .slice(0, count)
}
