import type { SimEvent } from './event-heap.ts'

/**
 * One life of a process. A crash ends it: what it was waiting for never comes, so its continuations hang for ever, as if the
 * memory were gone. A restart is another `Process`.
 */
export class Process {
  readonly name: string
  /** Wall clock minus true time, milliseconds. */
  skewMs: number
  alive = true
  /** Stopped (as by SIGSTOP) until then, in virtual microseconds. */
  pausedUntil = 0
  /** What came while it was stopped, and waits for the end of that. */
  readonly held: SimEvent[] = []
  readonly #deaths: (() => void)[] = []

  constructor(name: string, skewMs = 0) {
    this.name = name
    this.skewMs = skewMs
  }

  /** Calls back when the process ends, in the order of asking. */
  onDeath(callback: () => void): void {
    this.#deaths.push(callback)
  }

  die(): void {
    if (!this.alive) return
    this.alive = false
    for (const callback of this.#deaths) callback()
  }
}
