/** Upper bounds of the buckets, seconds: fine around the SLO of 500 ms. */
export const bucketBounds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
] as const

export interface HistogramValue {
  /** Observations at or below each bound, cumulative. */
  readonly buckets: readonly number[]
  readonly count: number
  readonly sum: number
}

/** Counts observations by size. Constant memory. */
export class Histogram {
  readonly #counts = new Float64Array(bucketBounds.length + 1)
  #sum = 0

  observe(seconds: number): void {
    let bucket = 0
    while (bucket < bucketBounds.length && seconds > bucketBounds[bucket]!) bucket++
    this.#counts[bucket]!++
    this.#sum += seconds
  }

  value(): HistogramValue {
    let total = 0
    const cumulative = [...this.#counts].map((count) => (total += count))
    return { buckets: cumulative.slice(0, -1), count: total, sum: this.#sum }
  }
}
