/** Runs `body` and gives the promises that were left rejected with nobody to hear of it: each would end the process. */
export async function unhandledIn(body: () => Promise<unknown>): Promise<unknown[]> {
  const heard: unknown[] = []
  const hear = (reason: unknown): void => void heard.push(reason)
  process.on('unhandledRejection', hear)
  try {
    await body()
    // They are told after the microtasks of a turn.
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    return heard
  } finally {
    process.off('unhandledRejection', hear)
  }
}
