import type { Clock } from '../ports/clock.ts'

const firstMs = 50
const lastMs = 5_000

/** How long to wait after the n-th failure in a row (from 1): doubling, bounded, with jitter so that workers spread. */
export function retryDelayMs(failures: number, clock: Pick<Clock, 'random'>): number {
  const full = Math.min(lastMs, firstMs * 2 ** Math.min(failures - 1, 20))
  return Math.round(full * (0.5 + clock.random() / 2))
}
