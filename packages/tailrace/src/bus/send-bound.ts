import { isTailraceError } from '../errors.ts'
import type { BusMessage } from '../ports/bus.ts'
import { bytesOfSend } from './wire-bytes.ts'

/** What grows by this much after each page that went through has doubled after twelve. */
const growth = 17 / 16

/**
 * How many bytes a send may have, learned from sends that were turned away: a broker may take less than its layout says, and
 * the same send again would be turned away for ever.
 */
export class SendBound {
  #bytes = Number.POSITIVE_INFINITY

  /** Infinite as long as nothing was turned away. */
  get bytes(): number {
    return this.#bytes
  }

  /** A send has failed. When it was too large, the next ones have half of its bytes at most, or one message. */
  failed(messages: readonly BusMessage[], error: unknown): void {
    if (!isTailraceError(error) || error.code !== 'BUS_UNSUITABLE') return
    this.#bytes = Math.min(this.#bytes, bytesOfSend(messages) / 2)
  }

  /** A page went through. The bound rises slowly: whatever made the broker refuse may be over, or the next try is refused. */
  passed(): void {
    this.#bytes *= growth
  }
}
