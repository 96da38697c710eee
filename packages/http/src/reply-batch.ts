import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Reply } from './exchange.ts'
import { writeReply } from './node-inbound.ts'

/**
 * Writes the replies of one turn of the event loop together, at its end, in the order in which they were added.
 *
 * Each write to a socket wakes the peer. A peer that wakes for the first of many replies runs against the process that
 * still works on the others; one wake per turn saves a third of the CPU time per reply under load (docs/performance.md).
 * A single reply waits for nothing but the end of the turn. A reply whose caller has gone is dropped.
 */
export class ReplyBatch {
  #due: { reply: Reply; incoming: IncomingMessage; outgoing: ServerResponse }[] = []

  add(reply: Reply, incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (this.#due.push({ reply, incoming, outgoing }) === 1) setImmediate(this.#writeAll)
  }

  readonly #writeAll = (): void => {
    const due = this.#due
    this.#due = []
    let written = 0
    try {
      for (const { reply, incoming, outgoing } of due) {
        written++
        if (!outgoing.destroyed) writeReply(reply, incoming, outgoing)
      }
    } finally {
      // A reply that cannot be written is an error of its own; the others are still owed.
      for (const left of due.slice(written)) this.add(left.reply, left.incoming, left.outgoing)
    }
  }
}
