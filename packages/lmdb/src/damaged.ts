import { TailraceError } from 'tailrace/adapter'

/** What stands in the file was not written by this store: the disk, or somebody else. */
export function damaged(what: string, got: string): TailraceError {
  return new TailraceError(
    'READ_STORE_DAMAGED',
    `expected ${what} as this store writes them, got ${got}; rebuild the projection`,
  )
}
