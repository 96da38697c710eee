import type { Clock } from 'tailrace/adapter'
import type { Kernel } from './kernel.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'

/** The wall clock at virtual time 0. */
export const startMs = Date.parse('2026-01-01T00:00:00.000Z')

/** The clock of a simulated process: virtual, with a wall clock that may be wrong. */
export function processClock(kernel: Kernel, process: Process, random: Random): Clock {
  let ids = 0
  return {
    now: () => Math.floor(startMs + kernel.nowMs + process.skewMs),
    monotonic: () => kernel.nowMs,
    random: () => random.next(),
    uuid() {
      const high = Math.floor(random.next() * 0x1_0000_0000).toString(16)
      const low = (++ids).toString(16)
      return `${high.padStart(8, '0')}-0000-7000-8000-${low.padStart(12, '0')}`
    },
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve()
        const wake = (): void => {
          signal?.removeEventListener('abort', stop)
          resolve()
        }
        // As a timer of the machine: never shorter than a millisecond.
        const event = kernel.after(Math.max(1, ms), 'sleep', wake, process)
        const stop = (): void => {
          kernel.cancel(event)
          resolve()
        }
        signal?.addEventListener('abort', stop, { once: true })
      }),
  }
}
