import type { ParkEntry, ProjectionTransaction, SqlBatch, SqlGroupFailure } from 'tailrace/adapter'
import { inTransaction, type SqlClient, type SqlPool } from '../sql-pool.ts'
import { applyStatement, prepared, type VersionPlace } from './apply-statement.ts'
import { settle } from './parked-keys.ts'
import { isTransient } from './store-error.ts'
import { withTableNames } from './version-tables.ts'

/** Attempts of a group before its key is parked. */
const attemptsMax = 2

/**
 * Runs the handlers of a sql projection in one transaction with the checkpoints. Each group has a savepoint: one that fails
 * is undone, tried once more and then parked, while the others stand. A server that does not answer fails the whole batch.
 */
export function applySql(
  pool: SqlPool,
  place: VersionPlace,
  tables: ReadonlyMap<string, string>,
  batch: SqlBatch,
  answerMs: number,
): Promise<readonly SqlGroupFailure[]> {
  // A handler's statement that is too slow must fail at the server and be the handler's fault, before the connection is
  // given up. One that waits for a lock of others is not.
  const begin = `savepoint key_group; set local lock_timeout = ${Math.ceil(answerMs * 0.75)}; set local statement_timeout = ${Math.ceil(answerMs * 0.9)}`
  return inTransaction(pool, async (client) => {
    const failures: SqlGroupFailure[] = []
    // The checkpoints first: who lost the lease does no work, and a second worker waits here.
    const early = batch.park.filter((entry) => entry.positions.length > 0)
    await client.query(
      applyStatement(place, undefined, { moves: batch.moves, changes: [], rows: [], park: early }),
    )
    for (const resolution of batch.resolve ?? []) await settle(client, place, resolution)
    for (const [group, { run }] of batch.groups.entries()) {
      const failure = await runGroup(client, tables, run, begin)
      if (failure !== undefined) failures.push({ group, error: failure.error })
    }
    if (failures.length > 0 && batch.resolve !== undefined) throw new GroupsFailed(failures)
    const parked = failures.map(({ group, error }): ParkEntry => batch.parkOf(group, error))
    if (parked.length > 0)
      await client.query(
        applyStatement(place, undefined, { moves: [], changes: [], rows: [], park: parked }),
      )
    return failures
  }).catch((error: unknown) => {
    if (error instanceof GroupsFailed) return error.failures
    throw error
  })
}

/** Undoes the settling of parked keys whose handlers failed again. */
class GroupsFailed extends Error {
  readonly failures: readonly SqlGroupFailure[]
  constructor(failures: readonly SqlGroupFailure[]) {
    super('a group failed')
    this.failures = failures
  }
}

async function runGroup(
  client: SqlClient,
  tables: ReadonlyMap<string, string>,
  run: (tx: ProjectionTransaction) => Promise<void>,
  begin: string,
): Promise<{ readonly error: unknown } | undefined> {
  for (let attempt = 1; ; attempt++) {
    await client.query({ text: begin })
    // A handler may throw an error of its own in place of the server's.
    let trouble: unknown
    const onError = (error: unknown): void => {
      if (isTransient(error)) trouble ??= error
    }
    try {
      await run(transactionOf(client, tables, onError))
      await client.query({ text: 'release savepoint key_group' })
      return undefined
    } catch (error) {
      if (trouble !== undefined) throw trouble
      if (isTransient(error)) throw error
      await client.query({ text: 'rollback to savepoint key_group' })
      await client.query({ text: 'release savepoint key_group' })
      if (attempt === attemptsMax) return { error }
    }
  }
}

function transactionOf(
  client: SqlClient,
  tables: ReadonlyMap<string, string>,
  onError: (error: unknown) => void,
): ProjectionTransaction {
  return {
    async query<Row>(sql: string, parameters: readonly unknown[] = []) {
      try {
        const { rows, rowCount } = await client.query(
          prepared(withTableNames(sql, tables), [...parameters]),
        )
        return { rows: rows as Row[], rowCount }
      } catch (error) {
        onError(error)
        throw error
      }
    },
    table(name) {
      const physical = tables.get(name)
      if (physical === undefined)
        throw new TypeError(
          `expected a declared table (${[...tables.keys()].join(', ')}), got "${name}"`,
        )
      return physical
    },
  }
}
