/** The part of a connection that shows whether anything arrives. Absent on a pool that is not `pg`'s. */
export interface Arrivals {
  readonly bytesRead?: number
}

/** A connection is looked at several times: one long turn of this process must not be taken for silence of the server. */
const looks = 4

/**
 * Calls `onSilent` once nothing has arrived for `ms`. A long answer that is still arriving is not silence.
 * Returns what ends the watch.
 */
export function watchForSilence(
  arrivals: Arrivals | undefined,
  ms: number,
  onSilent: () => void,
): () => void {
  let seen = arrivals?.bytesRead
  let silent = 0
  const timer = setInterval(
    () => {
      const now = arrivals?.bytesRead
      silent = now === seen ? silent + 1 : 0
      seen = now
      if (silent < looks) return
      clearInterval(timer)
      onSilent()
    },
    Math.max(1, ms / looks),
  )
  return () => clearInterval(timer)
}

/** Waits until a promise is settled, but not longer than `ms`. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise.catch(() => undefined), late])
  clearTimeout(timer)
}
