import type { TestClock } from 'tailrace/testing'

/** One turn of the event loop: everything that is ready has run. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

/** Runs until a promise settles; when all wait for the clock, the clock moves to the next sleeper. Bounded. */
export async function drive<T>(
  clock: TestClock,
  until: Promise<T>,
  turnsMax = 100_000,
): Promise<T> {
  let over = false
  const watched = until.finally(() => (over = true))
  watched.catch(() => undefined)
  for (let i = 0; i < turnsMax; i++) {
    await turn()
    if (over) return watched
    const ms = clock.nextInMs()
    if (ms !== undefined) clock.advance(ms)
  }
  throw new Error(`expected the promise to settle within ${turnsMax} turns`)
}
