import type { Clock } from 'tailrace/adapter'

/** The database's time, kept up from its answers and a monotonic clock: asking for it costs no round trip. */
export class DatabaseClock {
  readonly #clock: Clock
  /** Database time minus monotonic time, milliseconds. */
  #offset: number | undefined
  #last = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The moment before asking the database, for `observe`. */
  moment(): number {
    return this.#clock.monotonic()
  }

  /** Learns from an answer that carries the database's time, asked for at `sent`. */
  observe(databaseMs: number, sent: number): void {
    if (!Number.isFinite(databaseMs)) return
    // The database took its time somewhere between asking and now: the true offset lies between these two.
    const least = databaseMs - this.#clock.monotonic()
    const most = databaseMs - sent
    this.#offset = Math.min(Math.max(this.#offset ?? (least + most) / 2, least), most)
  }

  /** RFC 3339 UTC with milliseconds. Never goes backwards. Needs one `observe` before. */
  now(): string {
    this.#last = Math.max(this.#last, this.#clock.monotonic() + (this.#offset ?? 0))
    return new Date(this.#last).toISOString()
  }
}
