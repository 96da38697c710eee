import type { Clock } from '../ports/clock.ts'
import { MinHeap } from './min-heap.ts'

export interface Deadline {
  readonly at: number
  readonly expire: () => void
  gone: boolean
}

/** Many deadlines on one sleeping timer. */
export class DeadlineQueue {
  readonly #clock: Clock
  readonly #heap = new MinHeap<Deadline, number>((deadline) => deadline.at)
  #asleep: { readonly until: number; readonly wake: AbortController } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `expire` once the monotonic clock has reached `at`, unless canceled before. */
  add(at: number, expire: () => void): Deadline {
    const deadline: Deadline = { at, expire, gone: false }
    this.#heap.push(deadline)
    if (this.#asleep === undefined) void this.#run()
    else if (at < this.#asleep.until) this.#wake()
    return deadline
  }

  cancel(deadline: Deadline): void {
    this.#heap.drop(deadline)
    // With nothing to wait for, the timer must not keep the process alive.
    if (this.#heap.size === 0) this.#wake()
  }

  #wake(): void {
    // With a reason, because the default one is an error with a stack trace, made anew each time.
    this.#asleep?.wake.abort('woken')
  }

  async #run(): Promise<void> {
    for (;;) {
      const next = this.#heap.peek()
      if (next === undefined) break
      const wait = next.at - this.#clock.monotonic()
      if (wait > 0) {
        const wake = new AbortController()
        this.#asleep = { until: next.at, wake }
        await this.#clock.sleep(wait, wake.signal)
        continue
      }
      this.#heap.pop()
      next.gone = true
      next.expire()
    }
    this.#asleep = undefined
  }
}
