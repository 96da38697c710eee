import type { Clock } from '../ports/clock.ts'

const hangingMax = 3
const forgottenAfterMs = 30_000

/**
 * Bounds the questions to a server that does not answer: a hung connection keeps its question, so only a few may hang at a time.
 * After a while one is given up for lost, so that a server that is back is found again.
 */
export class HangGuard {
  readonly #clock: Clock
  readonly #askedAt = new Set<{ readonly at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether no further question should be asked now. */
  blocked(): boolean {
    const oldest = this.#clock.monotonic() - forgottenAfterMs
    for (const question of this.#askedAt) if (question.at <= oldest) this.#askedAt.delete(question)
    return this.#askedAt.size >= hangingMax
  }

  track<T>(question: Promise<T>): Promise<T> {
    const mark = { at: this.#clock.monotonic() }
    this.#askedAt.add(mark)
    return question.finally(() => this.#askedAt.delete(mark))
  }
}
