import {
  TailraceError,
  WriteConflict,
  WriteFailed,
  type EachCommitted,
  type WriteBatch,
} from 'tailrace/adapter'
import { NoAnswer } from '../kernel/network.ts'
import type { Database } from './database.ts'
import { explained } from './lost-race.ts'
import type { Transaction } from './transaction.ts'
import { writeBatch } from './write-statement.ts'

type Failure = WriteConflict | WriteFailed

/**
 * Commits entries under savepoints in one transaction. Entries that do not touch each other's aggregates are tried together
 * first, and halved where they fail. It is a conversation: when nobody `listens` any more, the server rolls back.
 */
export async function commitEach(
  database: Database,
  transaction: Transaction,
  batches: readonly WriteBatch[],
  listens: () => boolean,
): Promise<EachCommitted> {
  const failures: (Failure | undefined)[] = batches.map(() => undefined)
  const attempt = async (from: number, to: number): Promise<void> => {
    const batch = merged(batches.slice(from, to))
    const failure =
      batch === undefined ? 'split' : await underSavepoint(database, transaction, batch)
    if (!listens()) throw new NoAnswer(database.server.name, true)
    if (failure === undefined) return
    if (to - from === 1) {
      failures[from] = failure as Failure
      return
    }
    const middle = (from + to) >> 1
    await attempt(from, middle)
    await attempt(middle, to)
  }
  if (batches.length > 1)
    database.simulation.marks.sometimes('several entries are written with savepoints')
  try {
    if (batches.length > 0) await attempt(0, batches.length)
  } catch (error) {
    // Before the commit is sent, a lost connection means that nothing happened.
    if (!(error instanceof NoAnswer)) throw error
    throw new TailraceError('UNAVAILABLE', error.message, { retryable: true, cause: error })
  }
  return { xid: await database.commit(transaction), failures }
}

async function underSavepoint(
  database: Database,
  transaction: Transaction,
  batch: WriteBatch,
): Promise<Failure | undefined> {
  const held = new Set(transaction.locks)
  try {
    await writeBatch(database, transaction, batch)
    return undefined
  } catch (error) {
    if (error instanceof NoAnswer) throw error
    // A rollback to a savepoint frees what was locked since.
    database.simulation.marks.sometimes('an entry is undone to its savepoint')
    const since = [...transaction.locks].filter((lock) => !held.has(lock))
    database.locks.release(transaction, since)
    const meaning = explained(error, batch, database, transaction)
    if (meaning instanceof WriteConflict || meaning instanceof WriteFailed) return meaning
    throw error
  }
}

/** The entries as one batch; undefined when two of them touch one aggregate, command or timer. */
function merged(batches: readonly WriteBatch[]): WriteBatch | undefined {
  if (batches.length === 1) return batches[0]
  const seen = new Set<string>()
  for (const batch of batches) {
    const own = new Set(touched(batch))
    for (const place of own) if (seen.has(place)) return undefined
    for (const place of own) seen.add(place)
  }
  return {
    rows: batches.flatMap(({ rows }) => rows),
    guards: batches.flatMap(({ guards }) => guards),
    events: batches.flatMap(({ events }) => events),
    commands: batches.flatMap(({ commands }) => commands),
    timers: batches.flatMap(({ timers }) => timers),
    issued: batches.flatMap(({ issued }) => issued),
  }
}

function touched({ rows, guards, commands, timers }: WriteBatch): string[] {
  return [
    ...[...rows, ...guards].map(({ aggregate, id }) => `a/${aggregate.name}/${id}`),
    ...commands.map(({ commandId }) => `c/${commandId}`),
    ...timers.map(({ schedule, stream }) => `t/${schedule}/${stream}`),
  ]
}
