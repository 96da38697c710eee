import { TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'

interface Run {
  readonly startedAt: number
  readonly expire: () => void
}

/** The signal of a run, made when it is first asked for: most queries never do. */
export class RunSignal {
  readonly #caller: AbortSignal | undefined
  #own: AbortController | undefined
  #aborted = false

  constructor(caller: AbortSignal | undefined) {
    this.#caller = caller
  }

  get signal(): AbortSignal {
    this.#own ??= new AbortController()
    if (this.#aborted) this.#own.abort()
    return this.#caller === undefined
      ? this.#own.signal
      : AbortSignal.any([this.#caller, this.#own.signal])
  }

  abort(): void {
    this.#aborted = true
    this.#own?.abort()
  }
}

/** Lets queries run no longer than a limit. One slow sweep for all of them instead of a timer each. */
export class BoundedRuns {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #active = new Set<Run>()
  #sweeping = false

  constructor(options: { readonly clock: Clock; readonly limitMs: number }) {
    this.#clock = options.clock
    this.#limitMs = options.limitMs
  }

  /** Throws `UNAVAILABLE` once the limit has passed by up to a quarter; what the body does later is dropped. */
  run<T>(query: string, signal: RunSignal, body: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run: Run = {
        startedAt: this.#clock.monotonic(),
        expire: () => {
          signal.abort()
          reject(
            new TailraceError(
              'UNAVAILABLE',
              `expected query "${query}" to end within ${this.#limitMs} ms, got no answer of its store`,
              { retryable: true },
            ),
          )
        },
      }
      this.#active.add(run)
      const ended = (): boolean => this.#active.delete(run)
      body().then(
        (value) => {
          ended()
          resolve(value)
        },
        (error: unknown) => {
          ended()
          // Whatever was thrown is passed on as it is.
          // oxlint-disable-next-line prefer-promise-reject-errors
          reject(error)
        },
      )
      if (!this.#sweeping) void this.#sweep()
    })
  }

  async #sweep(): Promise<void> {
    this.#sweeping = true
    while (this.#active.size > 0) {
      await this.#clock.sleep(this.#limitMs / 4)
      const now = this.#clock.monotonic()
      for (const run of this.#active) {
        if (now - run.startedAt < this.#limitMs) continue
        this.#active.delete(run)
        run.expire()
      }
    }
    this.#sweeping = false
  }
}
