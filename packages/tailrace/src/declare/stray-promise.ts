/**
 * Whether a function that has to answer at once gave a promise. Its rejection is taken care of: nobody waits for it any
 * more, and an unhandled one ends the process.
 */
export function isStrayPromise(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof Promise) {
    value.catch(() => undefined)
    return true
  }
  // Others are noticed only: asking such a thing, as those of query builders are, may be what starts it.
  return typeof (value as Partial<PromiseLike<unknown>>).then === 'function'
}
