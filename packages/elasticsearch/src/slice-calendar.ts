/** Documents in an index per week or day: what is too old goes with its index. */
export interface SliceOptions {
  /** The property that says when a document is from: a time (`date-time`), always there, and in the same week or day for ever. */
  readonly by: string
  readonly every: 'week' | 'day'
  /** Documents older than this are not shown; their index is dropped when all of it is older. */
  readonly keepDays: number
}

const dayMs = 86_400_000
/** 1970-01-05, a Monday. */
const firstMonday = 4 * dayMs

/** The first day of the slice that an instant is in, in UTC, such as `2026-11-23`. Weeks begin on Mondays. */
export function sliceOf(ms: number, every: SliceOptions['every']): string {
  const length = sliceMs(every)
  const start = every === 'week' ? firstMonday : 0
  return dayText(Math.floor((ms - start) / length) * length + start)
}

/** When the last instant of a slice is over. */
export function sliceEnd(slice: string, every: SliceOptions['every']): number {
  return Date.parse(`${slice}T00:00:00Z`) + sliceMs(every)
}

/** The instant before which documents are not shown. */
export function keptSince(nowMs: number, { keepDays }: SliceOptions): number {
  return nowMs - keepDays * dayMs
}

/** How many slices can be kept at a time. */
export function slicesKept({ every, keepDays }: SliceOptions): number {
  return Math.ceil((keepDays * dayMs) / sliceMs(every)) + 1
}

export function sliceMs(every: SliceOptions['every']): number {
  return every === 'week' ? 7 * dayMs : dayMs
}

function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
