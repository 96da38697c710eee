import {
  TailraceError,
  type AnyProjectionDef,
  type ApplyBatch,
  type DocumentChange,
} from 'tailrace/adapter'
import type {
  LogIdentityText,
  ParkedKey,
  ParkResolution,
  ProjectionStore,
  StoredDocument,
} from 'tailrace/adapter'
import {
  decodeDocument,
  decodeKey,
  decodePosition,
  encodeEntry,
  encodeKey,
  type Entry,
} from './document-codec.ts'
import { bulkLoad } from './bulk-load.ts'
import { movedCheckpoints } from './checkpoint-moves.ts'
import { writeCheckpoints } from './checkpoint-record.ts'
import { writeEntry, type VersionTables } from './version-tables.ts'
import { getFast, type Environment, type Table } from './environment.ts'
import { lmdbReader } from './lmdb-reader.ts'
import { openSnapshots, parts, snapshotWith } from './lmdb-snapshot.ts'
import {
  joinsFreeKey,
  listParked,
  parkedAs,
  readParked,
  readParkedPositions,
  settleParked,
  writeParked,
} from './parked-keys.ts'

const dumpPage = 500

/** One projection version: documents, checkpoints and parked keys change in one LMDB transaction. */
export function lmdbProjection(
  projection: AnyProjectionDef,
  environment: Environment,
  tables: VersionTables,
  history: LogIdentityText,
): ProjectionStore {
  const { documents, state, checkpoints } = tables
  const where = `projection "${projection.name}" version ${projection.version}`
  const reading = <T>(read: () => T): T => {
    environment.assertOpen()
    return read()
  }
  const store: ProjectionStore = {
    checkpoints: async () => reading(() => checkpoints.read().checkpoints),
    load: async (keys) => reading(() => loadDocuments(documents, keys)),
    apply: (batch) => applyBatch(environment, tables, batch, history, where),
    async applySql() {
      throw new TailraceError(
        'READ_UNSUPPORTED',
        `expected ${where} to be a fold, got SQL; LMDB holds documents by key only`,
      )
    },
    parked: async (keys, limit = 1_000) =>
      reading(() =>
        keys === undefined ? listParked(state, limit) : findParked(state, keys, limit),
      ),
    parkedPositions: async (key) => reading(() => positionsOf(state, key)),
    resolveParked: (resolution) => resolve(environment, tables, resolution),
    bulkLoad: (pages, moves) => bulkLoad(environment, tables, pages, moves, history, where),
    dump: () => dumpDocuments(environment, documents),
    reader: () => lmdbReader(environment, documents, where),
    snapshot: async () => openSnapshots(environment, [{ tables, where }])[0]!,
    snapshotWith: (others) => snapshotWith(environment, [store, ...others]),
  }
  parts.set(store, { environment, tables, where })
  return store
}

function toEntry(change: DocumentChange): Entry {
  return encodeEntry(change.key, change.document, change.position)
}

/** Everything is encoded and checked before the first write: LMDB would keep what a throwing callback had written. */
async function applyBatch(
  environment: Environment,
  { documents, state, checkpoints }: VersionTables,
  batch: ApplyBatch,
  history: LogIdentityText,
  where: string,
): Promise<void> {
  const entries = batch.changes.map(toEntry)
  const park = batch.park.map((entry) => ({ entry, key: parkedAs(entry) }))
  await environment.write(() => {
    const moved = movedCheckpoints(checkpoints.read().checkpoints, batch.moves, history, where)
    const free = park.find(({ entry, key }) => joinsFreeKey(state, entry, key))
    if (free !== undefined) throw parkedKeyChanged(free.entry.key, 'a parked key', 'a free one')
    for (const entry of entries) writeEntry(documents, entry)
    for (const { entry, key } of park) writeParked(state, entry, key, Date.now())
    if (batch.moves.length + park.length > 0) writeCheckpoints(state, moved)
  })
}

async function resolve(
  environment: Environment,
  { documents, state, checkpoints }: VersionTables,
  resolution: ParkResolution,
): Promise<void> {
  const entries = resolution.changes.map(toEntry)
  const key = parkedAs(resolution)
  await environment.write(() => {
    const found = readParkedPositions(state, key).join()
    if (found !== resolution.seen.join())
      throw parkedKeyChanged(resolution.key, `events ${resolution.seen.join()}`, found || 'none')
    for (const entry of entries) writeEntry(documents, entry)
    settleParked(state, resolution, key)
    writeCheckpoints(state, checkpoints.read().checkpoints)
  })
}

function parkedKeyChanged(key: string, expected: string, found: string): TailraceError {
  return new TailraceError(
    'PARKED_KEY_CHANGED',
    `expected ${expected} under key "${key}", got ${found}; look again and repeat`,
    { retryable: true },
  )
}

function positionsOf(state: Table, key: string): readonly bigint[] {
  return readParkedPositions(state, parkedAs({ key }))
}

function findParked(state: Table, keys: readonly string[], limit: number): readonly ParkedKey[] {
  const found: ParkedKey[] = []
  for (const key of keys) {
    const parked = readParked(state, parkedAs({ key }))
    if (parked !== undefined && found.push(parked) === limit) break
  }
  return found
}

function loadDocuments(
  documents: Table,
  keys: readonly string[],
): ReadonlyMap<string, StoredDocument> {
  const found = new Map<string, StoredDocument>()
  for (const key of keys) {
    const stored = encodeKey(key)
    const value = stored === undefined ? undefined : getFast(documents, stored)
    if (value !== undefined)
      found.set(key, { document: decodeDocument(value), position: decodePosition(value) })
  }
  return found
}

async function* dumpDocuments(
  environment: Environment,
  documents: Table,
): AsyncGenerator<readonly { readonly key: string; readonly document: unknown }[]> {
  environment.assertOpen()
  let page: { key: string; document: unknown }[] = []
  for (const { key, value } of documents.getRange({})) {
    page.push({ key: decodeKey(key), document: decodeDocument(value) })
    if (page.length < dumpPage) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}
