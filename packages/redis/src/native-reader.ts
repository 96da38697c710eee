import { TailraceError, type NativeReader } from 'tailrace/adapter'
import { keyText } from './key-text.ts'
import type { Lookups } from './lookup.ts'
import { encodeValue } from './ordered-value.ts'
import type { VersionAccess } from './version-access.ts'

/** Commands that read one key and change nothing. */
const readCommands = [
  'EXISTS',
  'GET',
  'GETRANGE',
  'STRLEN',
  'TYPE',
  'ZCARD',
  'ZCOUNT',
  'ZLEXCOUNT',
  'ZRANDMEMBER',
  'ZRANGE',
  'ZRANK',
  'ZREVRANK',
  'ZSCAN',
  'ZSCORE',
] as const

export type ReadCommand = (typeof readCommands)[number]

/** Names one key of one version. Made by a `RedisReader` only. */
export class ScopedKey {
  readonly #name: string
  readonly #owner: object

  constructor(owner: object, name: string) {
    this.#owner = owner
    this.#name = name
  }

  /** The physical name; undefined for a key of another reader. */
  nameFor(owner: object): string | undefined {
    return this.#owner === owner ? this.#name : undefined
  }
}

/**
 * Redis itself, for what `get` and `find` do not say: it reads, and only the keys of the version that the query reads, since
 * a key is named by what it holds and not by its text.
 */
export interface RedisReader {
  /** The stored form of a document: position (20 digits), with lookups their entries, then JSON. */
  document(key: string): ScopedKey
  /** Sorted set of the keys of all documents, all of score 0: by bytes. */
  readonly keys: ScopedKey
  /** Sorted set of the entries of a declared lookup, all of score 0. Throws `READ_UNSUPPORTED` for one that is not declared. */
  lookup(...fields: readonly string[]): ScopedKey
  /** How entries of a lookup begin that have these values in its first fields: for bounds of `ZRANGE … BYLEX`. */
  entryPrefix(fields: readonly string[], values: readonly unknown[]): string
  /** Runs a command that reads. Throws `READ_UNSUPPORTED` for another command and for a key of another reader. */
  read(
    command: ReadCommand,
    key: ScopedKey,
    ...args: readonly (string | number)[]
  ): Promise<unknown>
}

/** Takes Redis itself from the reader of a query. Throws `READ_UNSUPPORTED` where the projection lives in another store. */
export function redisReader(reader: { readonly native?: NativeReader }): RedisReader {
  const { native } = reader
  if (native?.store === 'redis') return native.client as RedisReader
  throw unsupported(
    `expected the reader of a projection in Redis, got one in ${native === undefined ? 'a store without a client of its own' : `"${native.store}"`}`,
  )
}

export function nativeReader({ connection, names }: VersionAccess, lookups: Lookups): RedisReader {
  const owner = {}
  const lookupOf = (fields: readonly string[]) => {
    const found = lookups.all.find(
      (one) =>
        one.fields.length === fields.length &&
        one.fields.every(({ name }, i) => name === fields[i]),
    )
    if (found !== undefined) return found
    throw unsupported(`expected a declared lookup, got [${fields.join(', ')}]`)
  }
  return {
    document: (key) => new ScopedKey(owner, names.document(keyText(key))),
    keys: new ScopedKey(owner, names.keys),
    lookup: (...fields) => new ScopedKey(owner, names.lookup(lookupOf(fields).id)),
    entryPrefix: (fields, values) =>
      values
        .map((value, i) => encodeValue(lookupOf(fields).fields[i]?.kind ?? 'any', value))
        .join(''),
    async read(command, key, ...args) {
      if (!(readCommands as readonly string[]).includes(command))
        throw unsupported(`expected one of ${readCommands.join(', ')}, got ${String(command)}`)
      const name = key instanceof ScopedKey ? key.nameFor(owner) : undefined
      if (name === undefined) throw unsupported('expected a key of this reader, got another one')
      return connection.run([command, name, ...args.map(String)])
    },
  }
}

function unsupported(message: string): TailraceError {
  return new TailraceError('READ_UNSUPPORTED', message)
}
