import {
  TailraceError,
  type AnyProjectionDef,
  type LogIdentityText,
  type ProjectionStore,
  type StoredDocument,
} from 'tailrace/adapter'
import { applyBatch } from './apply-batch.ts'
import { bulkLoad } from './bulk-load.ts'
import { readCheckpoints } from './checkpoints.ts'
import type { RedisConnection } from './connection.ts'
import { documentCodec } from './document-codec.ts'
import { documentReader } from './document-reader.ts'
import { holdsBetween } from './held-events.ts'
import type { ProjectionNames } from './key-names.ts'
import { keyOfText, keyText } from './key-text.ts'
import type { Lookups } from './lookup.ts'
import { findParked, listParked, parkedPositions, settleParked } from './parked-keys.ts'
import type { VersionAccess } from './version-access.ts'

const askedAtOnce = 1_000
const dumpPage = 500

export interface ProjectionStoreOptions {
  readonly projection: AnyProjectionDef
  readonly names: ProjectionNames
  readonly incarnation: string
  readonly lookups: Lookups
  readonly history: LogIdentityText
  /** For the worker. */
  readonly writing: RedisConnection
  /** For queries: they do not wait behind batches on their way. */
  readonly reading: RedisConnection
  /** Awaited before each batch. Throws when the server cannot keep what it is given. */
  readonly suitable: () => Promise<void>
}

/** One projection version: documents with their positions, and the checkpoints beside them. */
export function projectionStore(options: ProjectionStoreOptions): ProjectionStore {
  const { projection, names, incarnation, lookups, history, writing, reading } = options
  const access: VersionAccess = {
    where: `projection "${projection.name}" version ${projection.version}`,
    connection: writing,
    catalog: names.catalog,
    names: names.version(projection.version, incarnation),
    version: projection.version,
    incarnation,
    codec: documentCodec(lookups),
    history,
  }
  const forQueries: VersionAccess = { ...access, connection: reading }
  return {
    checkpoints: () => readCheckpoints(forQueries),
    load: (keys) => load(access, keys),
    async apply(batch) {
      await options.suitable()
      await applyBatch(access, batch)
    },
    async applySql() {
      throw new TailraceError(
        'READ_UNSUPPORTED',
        `expected ${access.where} to be a fold, got SQL; Redis holds documents by key`,
      )
    },
    parked: (keys, limit = 1_000) =>
      keys === undefined ? listParked(access, limit) : findParked(access, keys, limit),
    parkedPositions: (key) => parkedPositions(access, key),
    resolveParked: (resolution) => settleParked(access, resolution),
    async bulkLoad(pages, moves) {
      await options.suitable()
      await bulkLoad(access, pages, moves)
    },
    holdsBetween: (after, through) => holdsBetween(forQueries, after, through),
    dump: () => dump(access),
    reader: () => documentReader(forQueries, lookups) as never,
  }
}

async function load(
  { connection, names, codec }: VersionAccess,
  keys: readonly string[],
): Promise<ReadonlyMap<string, StoredDocument>> {
  const found = new Map<string, StoredDocument>()
  for (let i = 0; i < keys.length; i += askedAtOnce) {
    const part = keys.slice(i, i + askedAtOnce)
    const values = (await connection.run([
      'MGET',
      ...part.map((key) => names.document(keyText(key))),
    ])) as (string | null)[]
    part.forEach((key, j) => {
      const value = values[j]
      if (typeof value === 'string') found.set(key, codec.decode(value))
    })
  }
  return found
}

async function* dump({
  connection,
  names,
  codec,
}: VersionAccess): AsyncGenerator<readonly { readonly key: string; readonly document: unknown }[]> {
  let from = '-'
  for (;;) {
    const page = (await connection.run([
      'ZRANGE',
      names.keys,
      from,
      '+',
      'BYLEX',
      'LIMIT',
      '0',
      String(dumpPage),
    ])) as string[]
    if (page.length === 0) return
    const values = (await connection.run(['MGET', ...page.map(names.document)])) as (
      | string
      | null
    )[]
    yield page.flatMap((text, i) => {
      const document = codec.document(values[i] ?? null)
      return document === undefined ? [] : [{ key: keyOfText(text), document }]
    })
    from = `(${page.at(-1)}`
  }
}
