import { TailraceError } from 'tailrace/adapter'

/** The topic is not the one that was looked at. */
export function changed(found: string): TailraceError {
  return new TailraceError(
    'BUS_CHANGED',
    `expected the topic as it was, got ${found}; ask for its layout again`,
    { retryable: true },
  )
}

export function closed(): TailraceError {
  return new TailraceError('ADAPTER_CLOSED', 'expected an open bus, got a closed one')
}
