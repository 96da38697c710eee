import { TailraceError } from '../errors.ts'
import type { BusMessage } from '../ports/bus.ts'

/**
 * What a bus adds to a message on its way at most: lengths, times, marks, a short header of its own. A bus that adds more to
 * each message cannot tell by `BusLayout.maxSendBytes` what it takes.
 */
export const messageFraming = 96

/**
 * Bytes that a message takes on its way, never fewer than it does: body, key and headers in UTF-8, and the framing. The
 * relay counts each message: this costs a third of a microsecond, a tenth of making it.
 */
export function wireBytes({ key, headers, body }: BusMessage): number {
  // One text of the short ones: each call of the count costs as much as counting a hundred letters.
  let short = key
  for (const name in headers) short += name + headers[name]!
  return messageFraming + Buffer.byteLength(short) + Buffer.byteLength(body)
}

/** Bytes of a send. */
export function bytesOfSend(messages: readonly BusMessage[]): number {
  return messages.reduce((sum, message) => sum + wireBytes(message), 0)
}

/** Throws `MESSAGE_INVALID` when a body has more bytes than a bus takes: what `publish` of each bus begins with. */
export function assertBodiesFit(messages: readonly BusMessage[], maxBytes: number): void {
  // In UTF-8, a code unit of a string takes three bytes at most: most bodies need not be counted.
  const tooLarge = messages.find(
    ({ body }) => body.length * 3 > maxBytes && Buffer.byteLength(body) > maxBytes,
  )
  if (tooLarge !== undefined)
    throw new TailraceError(
      'MESSAGE_INVALID',
      `expected a body of at most ${maxBytes} bytes, got more at position ${tooLarge.position}`,
    )
}
