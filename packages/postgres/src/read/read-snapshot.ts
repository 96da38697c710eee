import type { ReadSnapshot } from 'tailrace/adapter'
import type { SqlClient, SqlStatement } from '../sql-pool.ts'
import type { VersionPlace } from './apply-statement.ts'
import { documentReader } from './document-reader.ts'
import { keyOfText } from './key-text.ts'
import { parkedAmongStatement } from './parked-keys.ts'
import { checkpointsOf, snapshotStatement } from './checkpoints.ts'
import { queryTexts, type ReadPools } from './read-pools.ts'
import { runQuery, type ReadGuard } from './sql-reader.ts'
import type { VersionTables } from './version-tables.ts'

/** A read model of which there may be a snapshot. */
export interface SnapshotPart {
  readonly place: VersionPlace
  readonly tables: VersionTables
  readonly guard: ReadGuard
}

type InTurn = <T>(statement: () => Promise<T>) => Promise<T>

/** Readers in a transaction of their own, which see one state and that state's checkpoints. It ends when the last is released. */
export async function readSnapshots(
  pools: ReadPools,
  parts: readonly SnapshotPart[],
): Promise<readonly ReadSnapshot[]> {
  const client = await pools.read.connect()
  let broken: Error | undefined
  const onError = (error: Error): void => {
    broken = error
  }
  client.on('error', onError)
  // One statement at a time: a query may ask for its page, its total and its facets at once.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn: InTurn = (statement) => {
    const next = last.then(statement)
    last = next.catch(() => undefined)
    return next
  }
  const release = async (): Promise<void> => {
    await last
    await client.query({ text: 'rollback' }).catch((error: Error) => (broken ??= error))
    client.removeListener('error', onError)
    client.release(broken)
  }
  try {
    await client.query({ text: 'begin isolation level repeatable read read only' })
    if (!pools.readIsGuarded)
      await client.query({ text: `set local statement_timeout = ${pools.statementTimeoutMs}` })
    let held = parts.length
    const snapshots: ReadSnapshot[] = []
    for (const part of parts) {
      const snapshot = await openPart(client, part, inTurn)
      let released = false
      snapshots.push({
        ...snapshot,
        release() {
          if (!released && --held === 0) void release()
          released = true
        },
      })
    }
    return snapshots
  } catch (error) {
    await release()
    throw error
  }
}

async function openPart(
  client: SqlClient,
  { place, tables, guard }: SnapshotPart,
  inTurn: InTurn,
): Promise<Omit<ReadSnapshot, 'release'>> {
  const { rows } = await queryTexts(client, snapshotStatement(place))
  const run = (statement: SqlStatement) => inTurn(() => queryTexts(client, statement))
  const reader =
    tables.document === undefined
      ? {
          query: (sql: string, parameters?: readonly unknown[]) =>
            inTurn(() => guard.guarded(() => runQuery(client, tables.sql, sql, parameters))),
        }
      : documentReader(tables.document, run, guard)
  return {
    checkpoints: checkpointsOf(rows),
    anyParked: rows[0]?.[5] === 't',
    parkedAmong: async (keys) =>
      (await run(parkedAmongStatement(place, keys))).rows.map(([key]) => keyOfText(key!)),
    reader: reader as never,
  }
}
