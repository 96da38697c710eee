import { TailraceError, type Reader } from 'tailrace/adapter'
import type { Transaction } from 'lmdb'
import { decodeDocument, encodeKey } from './document-codec.ts'
import { getFast, type Environment, type Table } from './environment.ts'

const keysMax = 1_000

/** Reads documents by key, from the newest state or from the one of an open read transaction. Never waits for a writer. */
export function lmdbReader(
  environment: Environment,
  documents: Table,
  where: string,
  options?: { readonly transaction: Transaction },
): Reader<'fold' | 'rows' | 'sql', never> {
  const get = (key: string): unknown => {
    environment.assertOpen()
    const stored = encodeKey(key)
    if (stored === undefined) return undefined
    const value = getFast(documents, stored, options)
    return value === undefined ? undefined : decodeDocument(value)
  }
  const reader = {
    get: async (key: string) => get(key),
    async getMany(keys: readonly string[]) {
      if (keys.length > keysMax) {
        throw new TailraceError(
          'READ_UNSUPPORTED',
          `expected at most ${keysMax} keys in getMany, got ${keys.length}; ask in pages`,
        )
      }
      return keys.map(get)
    },
    async find() {
      throw new TailraceError(
        'READ_UNSUPPORTED',
        `expected a store with find for ${where}, got LMDB; read by key, or bind the projection to PostgreSQL`,
      )
    },
    async query() {
      throw new TailraceError(
        'READ_UNSUPPORTED',
        `expected a SQL store for ${where}, got LMDB; read by key, or bind the projection to PostgreSQL`,
      )
    },
  }
  return reader as unknown as Reader<'fold' | 'rows' | 'sql', never>
}
