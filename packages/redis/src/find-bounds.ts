import type { FindPlan } from './find-plan.ts'
import type { RangeFilter } from './find-where.ts'

/** No byte of UTF-8 is as high: what comes after everything that begins with a text. */
const highest = Buffer.from([0xff])

function beyond(text: string): Buffer {
  return Buffer.concat([Buffer.from(`(${text}`), highest])
}

/** Lower and upper bound of a range with a cursor, and without one to count in. */
export function boundsOf(
  prefix: string,
  { range, descending }: FindPlan,
  last: string | undefined,
): readonly Buffer[] {
  const low = lowest(prefix, range)
  const high = range === undefined ? beyond(prefix) : highestOf(prefix, range)
  if (last === undefined) return [low, high, low, high]
  const mark = Buffer.from(`(${prefix}${last}`)
  // A cursor may be of another filter with the same sort.
  const from = descending ? low : [low, mark].toSorted(byPlace)[1]!
  const to = descending ? [high, mark].toSorted(byPlace)[0]! : high
  return [from, to, low, high]
}

function lowest(prefix: string, range: RangeFilter | undefined): Buffer {
  const bounds = (range?.bounds ?? []).flatMap(([operator, value]) => {
    if (operator === 'gte') return [Buffer.from(`[${prefix}${value}`)]
    return operator === 'gt' ? [beyond(prefix + value)] : []
  })
  // The values of another type, and the absent ones, are in no range.
  const type = range?.bounds[0]?.[1][0]
  const start = Buffer.from(`[${prefix}${type ?? ''}`)
  return [start, ...bounds].toSorted(byPlace).at(-1)!
}

function highestOf(prefix: string, range: RangeFilter): Buffer {
  const bounds = range.bounds.flatMap(([operator, value]) => {
    if (operator === 'lt') return [Buffer.from(`(${prefix}${value}`)]
    return operator === 'lte' ? [beyond(prefix + value)] : []
  })
  return [beyond(prefix + range.bounds[0]![1][0]!), ...bounds].toSorted(byPlace)[0]!
}

/** Bounds by what they name; whether they include it does not matter between different places. */
function byPlace(a: Buffer, b: Buffer): number {
  return Buffer.compare(a.subarray(1), b.subarray(1))
}
