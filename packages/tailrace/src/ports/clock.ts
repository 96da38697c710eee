/** Time, waiting and identity for the engine. Injected everywhere, so that a simulator can own them. */
export interface Clock {
  /** Milliseconds of the wall clock. For display and coarse expiry only: nothing is ordered by it. */
  now(): number
  /** Milliseconds that only move forward, for durations. */
  monotonic(): number
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** A time-ordered uuid (version 7). */
  uuid(): string
  /** Uniform in [0, 1), for jitter. */
  random(): number
}
