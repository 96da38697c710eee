import type { Clock } from '../ports/clock.ts'

/** Lets a loop sleep until it is woken or a time has passed. A wake-up while it is busy is not lost. */
export class WakeSignal {
  readonly #clock: Clock
  #pending = false
  #wake: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wake(): void {
    this.#pending = true
    this.#wake?.()
  }

  /** Resolves after `ms` or at the next wake-up; whether it was woken. */
  async sleep(ms: number): Promise<boolean> {
    if (!this.#pending && ms > 0) {
      const controller = new AbortController()
      // With a reason, because the default one is an error with a stack trace, made anew each time.
      this.#wake = () => controller.abort('woken')
      await this.#clock.sleep(ms, controller.signal)
      this.#wake = undefined
    }
    const woken = this.#pending
    this.#pending = false
    return woken
  }
}
