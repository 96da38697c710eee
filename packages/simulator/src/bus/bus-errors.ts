import { TailraceError } from 'tailrace/adapter'

/** The topic is not the one that was looked at. */
export function changed(found: string): TailraceError {
  return new TailraceError(
    'BUS_CHANGED',
    `expected the topic as it was, got ${found}; ask for its layout again`,
    { retryable: true },
  )
}

/** All messages of a send together are too large. */
export function tooMuch(bytes: number, most: number): TailraceError {
  return new TailraceError(
    'BUS_UNSUITABLE',
    `expected a send of at most ${most} bytes, got ${bytes}; send fewer messages at once`,
  )
}

export function closed(): TailraceError {
  return new TailraceError('ADAPTER_CLOSED', 'expected an open bus, got a closed one')
}
