import { TailraceError, type DocumentReader, type SqlReader } from 'tailrace/adapter'
import { findDocuments } from './find-documents.ts'
import { keyText } from './key-text.ts'
import type { Lookups } from './lookup.ts'
import { nativeReader } from './native-reader.ts'
import type { VersionAccess } from './version-access.ts'

const keysMax = 1_000

/** Reads documents of one version by key, and by its declared lookups. */
export function documentReader(
  access: VersionAccess,
  lookups: Lookups,
): DocumentReader<unknown> & SqlReader {
  const { connection, names, codec, where } = access
  return {
    async get(key) {
      return codec.document(
        (await connection.run(['GET', names.document(keyText(key))])) as string | null,
      )
    },
    async getMany(keys) {
      if (keys.length > keysMax) {
        throw new TailraceError(
          'READ_UNSUPPORTED',
          `expected at most ${keysMax} keys in getMany, got ${keys.length}; ask in pages`,
        )
      }
      if (keys.length === 0) return []
      const documents = keys.map((key) => names.document(keyText(key)))
      const values = (await connection.run(['MGET', ...documents])) as (string | null)[]
      return values.map((value) => codec.document(value))
    },
    find: (options) => findDocuments(access, lookups, options),
    async query() {
      throw new TailraceError(
        'READ_UNSUPPORTED',
        `expected a SQL store for ${where}, got Redis; read by key or by a declared lookup`,
      )
    },
    native: { store: 'redis', client: nativeReader(access, lookups) },
  }
}
