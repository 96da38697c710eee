/** What a window of a closed loop gave: callers that each send the next call when the last one is answered. */
export interface Window {
  readonly operations: number
  readonly seconds: number
  readonly perSecond: number
  /** Latencies in milliseconds, sorted; a bounded sample of the window. */
  readonly latencies: Float64Array
}

const sampleMax = 50_000

/** Runs `callers` loops over `call` for `seconds`. A call that throws ends the run with its error. */
export async function closedLoop(
  callers: number,
  seconds: number,
  call: (caller: number, n: number) => Promise<unknown>,
): Promise<Window> {
  const sample = new Float64Array(sampleMax)
  let operations = 0
  const start = performance.now()
  const end = start + seconds * 1_000
  const loop = async (caller: number): Promise<void> => {
    for (let n = 0, now = performance.now(); now < end; n++) {
      await call(caller, n)
      const after = performance.now()
      // The first calls are a fair sample of a steady loop; beyond the bound they overwrite in turn.
      sample[operations % sampleMax] = after - now
      operations++
      now = after
    }
  }
  await Promise.all(Array.from({ length: callers }, (_, caller) => loop(caller)))
  const elapsed = (performance.now() - start) / 1_000
  return {
    operations,
    seconds: elapsed,
    perSecond: operations / elapsed,
    latencies: sample.slice(0, Math.min(operations, sampleMax)).toSorted(),
  }
}

/** The value below which a share of a sorted list lies; NaN for an empty one. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted.length === 0
    ? Number.NaN
    : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  )
}
