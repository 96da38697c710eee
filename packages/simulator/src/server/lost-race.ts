import { WriteConflict, WriteFailed, type AggregateRows, type WriteBatch } from 'tailrace/adapter'
import type { Database } from './database.ts'
import { aggregateKey } from './row-changes.ts'
import { Deadlock } from './row-locks.ts'
import { isGuarded } from './row-versions.ts'
import type { Transaction } from './transaction.ts'

export function classified(error: unknown): unknown {
  return error instanceof Deadlock ? new WriteConflict('serialization', error.message) : error
}

/**
 * As `classified`; a content that is refused may only have collided with the winner of a race: then it was the race. Asked
 * inside a transaction when there is one, outside otherwise.
 */
export function explained(
  error: unknown,
  batch: WriteBatch,
  database: Database,
  transaction?: Transaction,
): unknown {
  const doubtful =
    error instanceof WriteFailed || (error instanceof WriteConflict && error.kind === 'exists')
  if (!doubtful) return classified(error)
  const { state } = database
  const aggregate = (key: string): AggregateRows | undefined =>
    transaction === undefined ? state.aggregates.get(key) : transaction.aggregate(state, key)
  const recorded = (id: string): boolean =>
    transaction === undefined ? state.records.has(id) : transaction.hasRecord(state, id)
  if (batch.commands.some(({ commandId }) => recorded(commandId)))
    return new WriteConflict('command', error.message)
  for (const name of database.aggregates) {
    const exists = batch.rows.some(
      ({ op, of, aggregate: { name: own, root }, aggregate: one, id }) =>
        own === name && op === 'insert' && of === root && aggregate(aggregateKey(one, id)),
    )
    if (exists) return new WriteConflict('exists', error.message)
    const lost = batch.guards.some((guard) => {
      if (guard.aggregate.name !== name) return false
      const now = aggregate(aggregateKey(guard.aggregate, guard.id))
      return now === undefined || !isGuarded(now, guard)
    })
    if (lost) return new WriteConflict('version', error.message)
  }
  return error
}
