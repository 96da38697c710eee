import type { Clock } from '../ports/clock.ts'

export interface TestClock extends Clock {
  /** Moves time on; what sleeps until then wakes, in order. */
  advance(ms: number): void
  /** Milliseconds until the next sleeper wakes; undefined when nobody sleeps. */
  nextInMs(): number | undefined
}

/** A clock that stands still until told: ids and random numbers are the same in every run of a seed, and other for another. */
export function testClock(
  options: { readonly seed?: number; readonly startMs?: number } = {},
): TestClock {
  const start = options.startMs ?? 1_767_225_600_000
  const random = mulberry32(options.seed ?? 1)
  const prefix = ((options.seed ?? 1) >>> 0).toString(16).padStart(8, '0')
  let elapsed = 0
  let ids = 0
  let sleepers: { readonly at: number; readonly wake: () => void }[] = []

  function advance(ms: number): void {
    elapsed += ms
    const due = sleepers.filter(({ at }) => at <= elapsed).toSorted((a, b) => a.at - b.at)
    sleepers = sleepers.filter(({ at }) => at > elapsed)
    for (const { wake } of due) wake()
  }

  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    random,
    uuid() {
      const n = (++ids).toString(16).padStart(12, '0')
      return `${prefix}-0000-7000-8000-${n}`
    },
    sleep(ms, signal) {
      return new Promise((resolve) => {
        if (signal?.aborted === true) return resolve()
        const sleeper = { at: elapsed + ms, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener(
          'abort',
          () => {
            sleepers = sleepers.filter((other) => other !== sleeper)
            resolve()
          },
          { once: true },
        )
      })
    },
    advance,
    nextInMs: () =>
      sleepers.length === 0
        ? undefined
        : Math.max(0, Math.min(...sleepers.map(({ at }) => at)) - elapsed),
  }
}

/** A small seeded generator, uniform in [0, 1). */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
