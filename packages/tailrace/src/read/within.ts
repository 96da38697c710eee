import { TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'

/** Gives a promise a bound. Throws `UNAVAILABLE` when it does not settle in time; its later outcome is dropped. */
export async function within<T>(
  clock: Clock,
  ms: number,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  const done = new AbortController()
  const late = clock.sleep(ms, done.signal).then((): never => {
    if (done.signal.aborted) return undefined as never
    throw new TailraceError(
      'UNAVAILABLE',
      `expected an answer from ${what} within ${ms} ms, got none`,
      { retryable: true },
    )
  })
  // Whoever loses the race must not become an unhandled rejection.
  late.catch(() => undefined)
  promise.catch(() => undefined)
  try {
    return await Promise.race([promise, late])
  } finally {
    // With a reason, because the default one is an error with a stack trace, made anew each time.
    done.abort('done')
  }
}
