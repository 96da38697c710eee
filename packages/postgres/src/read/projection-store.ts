import {
  TailraceError,
  type AnyProjectionDef,
  type ApplyBatch,
  type ProjectionStore,
  type StoredDocument,
} from 'tailrace/adapter'
import { inTransaction, withClient } from '../sql-pool.ts'
import { applyStatements, prepared, type VersionPlace } from './apply-statement.ts'
import { bulkLoad } from './bulk-load.ts'
import { checkpointStatement, checkpointsOf } from './checkpoints.ts'
import { documentReader } from './document-reader.ts'
import { selectList, type DocumentTable } from './document-table.ts'
import { keyOfText, keyText } from './key-text.ts'
import { parkedKeys, parkedPositions, resolveParked } from './parked-keys.ts'
import { queryTexts, textsOn, type ReadPools } from './read-pools.ts'
import { readSnapshots, type SnapshotPart } from './read-snapshot.ts'
import { applySql } from './sql-groups.ts'
import { sqlReader } from './sql-reader.ts'
import { codeOf, storeError } from './store-error.ts'
import { unstorableKey } from './unstorable-key.ts'
import { makeVersion, type VersionTables } from './version-tables.ts'

export interface OpenOptions {
  readonly pools: ReadPools
  /** Quoted. */
  readonly schema: string
  readonly projection: AnyProjectionDef
  readonly tables: VersionTables
  readonly history: string
  readonly isClosed: () => boolean
  /** Told when the tables are gone: another process dropped the version. */
  readonly onMissing: () => void
}

/** What the stores of this process are made of, for snapshots of several. */
const opened = new WeakMap<
  ProjectionStore,
  { readonly pools: ReadPools; readonly part: SnapshotPart }
>()

/** Undefined where one of the stores is of other pools. */
function partsOn(
  pools: ReadPools,
  stores: readonly ProjectionStore[],
): readonly SnapshotPart[] | undefined {
  const parts = stores.flatMap((store) => {
    const known = opened.get(store)
    return known?.pools === pools ? [known.part] : []
  })
  return parts.length < stores.length ? undefined : parts
}

/** Makes the tables of a projection version if they are missing, and opens it. */
export async function openProjection(options: OpenOptions): Promise<ProjectionStore> {
  const { pools, schema, projection, tables, history } = options
  await makeVersion(pools.work, schema, projection, tables)
  const place: VersionPlace = {
    schema,
    projection: projection.name,
    version: projection.version,
    history,
  }
  const table = tables.document

  async function guarded<T>(body: () => Promise<T>): Promise<T> {
    if (options.isClosed())
      throw new TailraceError(
        'ADAPTER_CLOSED',
        'expected an open read store, got one after close()',
      )
    try {
      return await body()
    } catch (error) {
      if (codeOf(error) === '42P01') options.onMissing()
      throw storeError(error, projection.name)
    }
  }

  const part: SnapshotPart = { place, tables, guard: { projection: projection.name, guarded } }
  const store: ProjectionStore = {
    checkpoints: () =>
      guarded(async () =>
        checkpointsOf((await textsOn(pools.read, checkpointStatement(place))).rows),
      ),
    load: (keys) => guarded(() => load(pools, documentsOf(table, projection), keys)),
    apply: (batch) => guarded(() => apply(pools, place, table, batch)),
    applySql: (batch) =>
      guarded(() => applySql(pools.work, place, tables.sql, batch, pools.answerTimeoutMs)),
    parked: (keys, limit) => guarded(() => parkedKeys(pools.read, place, keys, limit)),
    parkedPositions: (key) => guarded(() => parkedPositions(pools.read, place, key)),
    resolveParked: (resolution) =>
      guarded(() => resolveParked(pools.work, place, table, resolution)),
    bulkLoad: (documents, moves) =>
      guarded(() => bulkLoad(pools, place, documentsOf(table, projection), documents, moves)),
    dump: () => dump(pools, documentsOf(table, projection)),
    reader: () => {
      if (table !== undefined)
        return documentReader(
          table,
          (statement) => textsOn(pools.read, statement),
          part.guard,
        ) as never
      return sqlReader(pools, tables.sql, part.guard) as never
    },
    snapshot: () => guarded(async () => (await readSnapshots(pools, [part]))[0]!),
    snapshotWith: (others) => {
      const joined = partsOn(pools, others)
      return joined && guarded(() => readSnapshots(pools, [part, ...joined]))
    },
  }
  opened.set(store, { pools, part })
  return store
}

function documentsOf(
  table: DocumentTable | undefined,
  projection: AnyProjectionDef,
): DocumentTable {
  if (table !== undefined) return table
  throw new TailraceError(
    'READ_UNSUPPORTED',
    `expected a projection of documents, got the sql projection "${projection.name}"; read its tables with query()`,
  )
}

async function load(
  pools: ReadPools,
  table: DocumentTable,
  keys: readonly string[],
): Promise<Map<string, StoredDocument>> {
  const found = new Map<string, StoredDocument>()
  if (keys.length === 0) return found
  const statement = prepared(
    `select ${selectList(table)} from ${table.name} where _key = any($1::text[])`,
    [keys.map(keyText)],
  )
  for (const row of (await textsOn(pools.work, statement)).rows) {
    found.set(keyOfText(row[0]!), {
      position: BigInt(row[1]!),
      document: table.codec.decode(row, 2),
    })
  }
  return found
}

async function apply(
  pools: ReadPools,
  place: VersionPlace,
  table: DocumentTable | undefined,
  batch: ApplyBatch,
): Promise<void> {
  const statements = applyStatements(place, table, batch)
  const first = statements.next().value!
  const second = statements.next().value
  try {
    if (second === undefined) await textsOn(pools.work, first)
    else
      await inTransaction(pools.work, async (client) => {
        await client.query(first)
        await client.query(second)
        for (const statement of statements) await client.query(statement)
      })
  } catch (error) {
    // Data that the server refuses: one document must not hold up all others.
    if (table !== undefined && /^(22|23|54)/.test(codeOf(error) ?? ''))
      throw await unstorableKey(pools.work, table, batch, error)
    throw error
  }
}

const pageSize = 1_000

async function* dump(
  pools: ReadPools,
  table: DocumentTable,
): AsyncGenerator<{ key: string; document: unknown }[]> {
  const text = `select ${selectList(table)} from ${table.name} where _key > $1 order by _key limit ${pageSize}`
  for (let after = ''; ;) {
    const { rows } = await withClient(pools.work, (client) =>
      queryTexts(client, { text, values: [after] }),
    )
    if (rows.length > 0)
      yield rows.map((row) => ({ key: keyOfText(row[0]!), document: table.codec.decode(row, 2) }))
    if (rows.length < pageSize) return
    after = rows.at(-1)![0]!
  }
}
