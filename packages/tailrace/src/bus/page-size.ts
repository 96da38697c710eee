import type { RelayPart } from './relay-plan.ts'

/** Of a page before which no full one was seen. */
const usual = 500

/**
 * How many events a relay reads at once. Small ones are read by thousands, since each send costs something besides its messages;
 * of large ones only so many that the messages of a page keep to a bound.
 */
export class PageSize {
  readonly #most: number
  readonly #letters: number
  #events: number

  /** `letters`: of the bodies of a page, together. A page has more where events are suddenly larger than those before. */
  constructor(bounds: { readonly events: number; readonly letters: number }) {
    this.#most = bounds.events
    this.#letters = bounds.letters
    this.#events = Math.min(usual, bounds.events)
  }

  /** Events of the next page: one at least, and at most 500 or twice as many as the last one had. */
  get events(): number {
    return this.#events
  }

  /** What became of a page. An empty one says nothing. */
  made(parts: readonly RelayPart[]): void {
    const messages = parts.flatMap((part) => part.messages)
    if (messages.length === 0) return
    const letters = messages.reduce((sum, { body }) => sum + body.length, 0)
    const fitting = Math.floor((this.#letters * messages.length) / letters)
    const grown = Math.max(usual, messages.length * 2)
    this.#events = Math.max(1, Math.min(fitting, grown, this.#most))
  }
}
