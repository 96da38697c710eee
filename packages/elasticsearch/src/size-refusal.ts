import type { Reason } from './engine-error.ts'

/** Why the engine was too busy for a write, as far as its size has to do with it. */
export type SizeRefusal =
  /** The write alone is more than the engine ever takes at a time: it will be refused each time. */
  | 'too-large'
  /** The write alone takes a good part of the engine's heap: it may be refused each time. */
  | 'large'
  | undefined

/** A part of the heap that the engine itself allows for all writes together. */
const largePart = 0.1

/** Judges a refusal with status 429. */
export function sizeRefusal(error: Reason | string | undefined): SizeRefusal {
  if (typeof error !== 'object' || typeof error.reason !== 'string') return undefined
  // Pressure of writes: what this one takes, and what all may take. That others take of it stands elsewhere.
  const pressure = /_operation_bytes=(\d+), max_\w+=(\d+)/.exec(error.reason)
  if (pressure !== null && Number(pressure[1]) > Number(pressure[2])) return 'too-large'
  // A circuit breaker: the heap that is used, garbage too, and what this request would add.
  const breaker = /larger than the limit of \[(\d+)\/.*new bytes reserved: \[(\d+)\//.exec(
    error.reason,
  )
  if (breaker === null) return undefined
  const [limit, added] = [Number(breaker[1]), Number(breaker[2])]
  if (added > limit) return 'too-large'
  return added > limit * largePart ? 'large' : undefined
}
