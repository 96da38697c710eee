import { randomBytes } from 'node:crypto'
import type { Clock } from '../ports/clock.ts'

/** The real clock of this process. The only file of the core that may touch time and randomness. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep,
    uuid: uuidV7,
    random: () => Math.random(),
  }
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
  })
}

// Random bytes are drawn in blocks: one call per uuid would cost more than the rest of it.
let pool = Buffer.alloc(0)
let used = 0

/** RFC 9562 version 7: 48 bits of milliseconds, then random. */
function uuidV7(): string {
  if (used + 10 > pool.length) {
    pool = randomBytes(4000)
    used = 0
  }
  const tail = pool.subarray(used, (used += 10))
  const time = Date.now().toString(16).padStart(12, '0')
  const hex = tail.toString('hex')
  const variant = ((tail[2]! & 0x3f) | 0x80).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(1, 4)}-${variant}${hex.slice(6, 8)}-${hex.slice(8)}`
}
