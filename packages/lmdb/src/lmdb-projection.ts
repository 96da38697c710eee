import {
  TailraceError,
  type AnyProjectionDef,
  type ApplyBatch,
  type CheckpointMove,
  type DocumentChange,
} from 'tailrace/adapter'
import type {
  LogIdentityText,
  ParkEntry,
  ParkedKey,
  ParkResolution,
  ProjectionStore,
  ReadSnapshot,
  StoredDocument,
} from 'tailrace/adapter'
import {
  decodeDocument,
  decodeKey,
  decodePosition,
  encodeEntry,
  encodeKey,
  replacementKey,
  type Entry,
} from './document-codec.ts'
import type { Environment, Table } from './environment.ts'
import { lmdbReader } from './lmdb-reader.ts'
import {
  joinsFreeKey,
  listParked,
  readCheckpoint,
  readCheckpoints,
  readParked,
  readParkedPositions,
  settleParked,
  writeCheckpoint,
  writeParked,
} from './state-table.ts'

const dumpPage = 500
const bulkPage = 2_000

export interface VersionTables {
  readonly documents: Table
  readonly state: Table
}

/** One projection version: documents, checkpoints and parked keys change in one LMDB transaction. */
export function lmdbProjection(
  projection: AnyProjectionDef,
  environment: Environment,
  tables: VersionTables,
  history: LogIdentityText,
): ProjectionStore {
  const { documents, state } = tables
  const where = `projection "${projection.name}" version ${projection.version}`
  const reading = <T>(read: () => T): T => {
    environment.assertOpen()
    return read()
  }
  return {
    checkpoints: async () => reading(() => readCheckpoints(state)),
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
    bulkLoad: (pages, checkpoints) =>
      bulkLoad(environment, tables, pages, checkpoints, history, where),
    dump: () => dumpDocuments(environment, documents),
    reader: () => lmdbReader(environment, documents, where),
    snapshot: async () => openSnapshot(environment, tables, where),
  }
}

function toEntry(change: DocumentChange): Entry {
  return encodeEntry(change.key, change.document, change.position)
}

/** Everything is encoded and checked before the first write: LMDB would keep what a throwing callback had written. */
async function applyBatch(
  environment: Environment,
  { documents, state }: VersionTables,
  batch: ApplyBatch,
  history: LogIdentityText,
  where: string,
): Promise<void> {
  const entries = batch.changes.map(toEntry)
  const park = batch.park.map((entry) => ({ entry, key: parkedAs(entry) }))
  await environment.write(() => {
    checkMoves(state, batch.moves, history, where)
    const free = park.find(({ entry, key }) => joinsFreeKey(state, entry, key))
    if (free !== undefined) throw parkedKeyChanged(free.entry.key, 'a parked key', 'a free one')
    for (const entry of entries) writeEntry(documents, entry)
    for (const { entry, key } of park) writeParked(state, entry, key, Date.now())
    moveCheckpoints(state, batch.moves, history)
  })
}

async function resolve(
  environment: Environment,
  { documents, state }: VersionTables,
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
  })
}

function parkedKeyChanged(key: string, expected: string, found: string): TailraceError {
  return new TailraceError(
    'PARKED_KEY_CHANGED',
    `expected ${expected} under key "${key}", got ${found}; look again and repeat`,
    { retryable: true },
  )
}

function parkedAs({ key }: Pick<ParkEntry, 'key'>): Buffer {
  return encodeKey(key) ?? replacementKey(key)
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

function writeEntry(documents: Table, entry: Entry): void {
  if (entry.value === undefined) void documents.remove(entry.key)
  else void documents.put(entry.key, entry.value)
}

function loadDocuments(
  documents: Table,
  keys: readonly string[],
): ReadonlyMap<string, StoredDocument> {
  const found = new Map<string, StoredDocument>()
  for (const key of keys) {
    const stored = encodeKey(key)
    const value = stored === undefined ? undefined : documents.getBinaryFast(stored)
    if (value !== undefined)
      found.set(key, { document: decodeDocument(value), position: decodePosition(value) })
  }
  return found
}

function checkMoves(
  state: Table,
  moves: readonly CheckpointMove[],
  history: LogIdentityText,
  where: string,
): void {
  for (const move of moves) {
    const current = readCheckpoint(state, move.range)
    if (current !== undefined && current.fence > move.fence) {
      throw fenced(
        `expected to hold range ${move.range} of ${where} with fence ${move.fence}, got a checkpoint of fence ${current.fence}; another worker took over`,
      )
    }
    if (current?.position !== move.from) {
      throw fenced(
        `expected range ${move.range} of ${where} at ${move.from ?? 'no position'}, got ${current?.position ?? 'no position'}; reload the checkpoint`,
      )
    }
    if (current !== undefined && !continues(current.history, history)) {
      throw fenced(
        `expected range ${move.range} of ${where} in history ${history} or an earlier one, got ${current.history}; reload the checkpoint`,
      )
    }
  }
}

/** Same system, and an epoch that is not later than ours. */
function continues(stored: LogIdentityText, own: LogIdentityText): boolean {
  const [storedSystem, storedEpoch] = stored.split('/')
  const [system, epoch] = own.split('/')
  return storedSystem === system && Number(storedEpoch) <= Number(epoch)
}

function fenced(message: string): TailraceError {
  return new TailraceError('PROJECTION_FENCED', message)
}

function moveCheckpoints(
  state: Table,
  moves: readonly CheckpointMove[],
  history: LogIdentityText,
): void {
  const updatedAtMs = Date.now()
  for (const move of moves)
    writeCheckpoint(state, move.range, {
      position: move.to,
      fence: move.fence,
      history,
      updatedAtMs,
    })
}

/** Pages are transactions of their own: a rebuild of millions must not be one. The checkpoints come last, so a crash leaves "not started". */
async function bulkLoad(
  environment: Environment,
  { documents, state }: VersionTables,
  pages: AsyncIterable<readonly DocumentChange[]>,
  checkpoints: readonly CheckpointMove[],
  history: LogIdentityText,
  where: string,
): Promise<void> {
  if (readCheckpoints(state).size > 0) {
    throw new TailraceError(
      'CONFIG',
      `expected ${where} to be empty before a bulk load, got checkpoints; drop the version first`,
    )
  }
  // What an interrupted load left behind has no checkpoint and is not part of any state.
  await environment.write(() => void documents.clearSync())
  for await (const page of pages) {
    for (let from = 0; from < page.length; from += bulkPage) {
      const entries = page.slice(from, from + bulkPage).map(toEntry)
      await environment.write(() => {
        for (const entry of entries) writeEntry(documents, entry)
      })
    }
  }
  await environment.write(() => {
    checkMoves(state, checkpoints, history, where)
    moveCheckpoints(state, checkpoints, history)
  })
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

function openSnapshot(
  environment: Environment,
  { documents, state }: VersionTables,
  where: string,
): ReadSnapshot {
  environment.assertOpen()
  const transaction = environment.root.useReadTransaction()
  let held = true
  try {
    return {
      checkpoints: readCheckpoints(state, { transaction }),
      reader: lmdbReader(environment, documents, where, { transaction }),
      release() {
        if (held) transaction.done()
        held = false
      },
    }
  } catch (error) {
    transaction.done()
    throw error
  }
}
