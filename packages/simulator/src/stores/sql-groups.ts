import type {
  AnyProjectionDef,
  ParkEntry,
  ProjectionTransaction,
  SqlBatch,
  SqlGroupFailure,
} from 'tailrace/adapter'
import { makeMove, putParked, type VersionState } from './store-state.ts'
import type { StoreServer } from './store-server.ts'
import { assertMoves, assertParked, parkedKeyChanged, versionOf } from './version-guards.ts'

/**
 * The transaction of a sql projection. Its language has two statements: `get` (key) and `put` (key, document, where null
 * deletes). Groups that throw are undone and reported, the others commit with the checkpoints.
 */
export async function runGroups(
  store: StoreServer,
  projection: AnyProjectionDef,
  batch: SqlBatch,
  history: string,
): Promise<readonly SqlGroupFailure[]> {
  const state = versionOf(store, projection)
  assertMoves(state, batch.moves, history)
  assertParked(state, batch.park)
  const written = new Map<string, string | undefined>()
  const failures: SqlGroupFailure[] = []
  for (const [group, { run }] of batch.groups.entries()) {
    const savepoint = new Map(written)
    try {
      await run(transactionOn(state, written))
    } catch (error) {
      failures.push({ group, error })
      store.simulation.marks.sometimes('a group is undone to its savepoint')
      written.clear()
      for (const [key, text] of savepoint) written.set(key, text)
    }
  }
  // Another transaction may have come between: the keys of the checkpoints let only one of them through.
  assertMoves(state, batch.moves, history)
  assertParked(state, batch.park)
  settle(store, projection.name as string, state, batch, failures)
  for (const [key, text] of written) {
    if (text === undefined) state.documents.delete(key)
    else state.documents.set(key, { text, position: 0n })
  }
  for (const move of batch.moves) makeMove(state, move, history, store.nowMs())
  store.changed()
  return failures
}

function settle(
  store: StoreServer,
  projection: string,
  state: VersionState,
  { park, parkOf, resolve = [] }: SqlBatch,
  failures: readonly SqlGroupFailure[],
): void {
  const noted = (entry: ParkEntry): void => {
    store.parkedAt.push({ projection, key: entry.key, at: store.simulation.kernel.nowMs })
    putParked(state, entry, store.nowMs())
  }
  for (const entry of park) noted(entry)
  if (resolve.length > 0) {
    if (failures.length > 0) return
    for (const { key, seen, remaining } of resolve) {
      const found = state.parked.get(key)
      if ((found?.positions ?? []).join() !== seen.join()) throw parkedKeyChanged(key)
      if (remaining.length === 0) state.parked.delete(key)
      else state.parked.set(key, { ...found!, positions: remaining })
    }
    return
  }
  for (const { group, error } of failures) noted(parkOf(group, error))
}

function transactionOn(
  state: VersionState,
  written: Map<string, string | undefined>,
): ProjectionTransaction {
  return {
    table: (name) => name,
    async query<Row>(sql: string, parameters: readonly unknown[] = []) {
      const key = String(parameters[0])
      if (sql === 'put') {
        written.set(key, parameters[1] === null ? undefined : JSON.stringify(parameters[1]))
        return { rows: [], rowCount: 1 }
      }
      const text = written.has(key) ? written.get(key) : state.documents.get(key)?.text
      const rows = text === undefined ? [] : [JSON.parse(text) as Row]
      return { rows, rowCount: rows.length }
    },
  }
}
