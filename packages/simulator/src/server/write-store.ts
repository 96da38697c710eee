import {
  TailraceError,
  WriteConflict,
  WriteFailed,
  type AggregateKey,
  type AggregateRows,
  type Committed,
  type EachCommitted,
  type Loaded,
  type WriteBatch,
  type WriteStore,
  type WriteTransaction,
} from 'tailrace/adapter'
import { NoAnswer } from '../kernel/network.ts'
import type { Process } from '../kernel/process.ts'
import type { Database } from './database.ts'
import { Deadlock } from './row-locks.ts'
import type { Transaction } from './transaction.ts'
import { aggregateKey, writeBatch } from './write-statement.ts'

/** The write store of one process on the simulated database. */
export class SimWriteStore implements WriteStore {
  readonly #database: Database
  readonly #process: Process

  constructor(database: Database, process: Process) {
    this.#database = database
    this.#process = process
  }

  now(): string {
    return new Date(Math.floor(this.#database.nowMs())).toISOString()
  }

  async load(aggregates: readonly AggregateKey[], commandIds: readonly string[]): Promise<Loaded> {
    return this.#ask('load', () => {
      const { state } = this.#database
      return {
        aggregates: aggregates.map(({ aggregate, id }) =>
          state.aggregates.get(aggregateKey(aggregate, id)),
        ),
        commands: commandIds.map((id) => state.records.get(id)),
      }
    })
  }

  async commit(batch: WriteBatch): Promise<Committed> {
    return this.#send('commit', async () => {
      const transaction = this.#database.begin()
      try {
        await writeBatch(this.#database, transaction, batch)
        return { xid: await this.#database.commit(transaction) }
      } catch (error) {
        this.#database.rollback(transaction)
        throw classified(error, batch, this.#database)
      }
    })
  }

  async commitEach(batches: readonly WriteBatch[]): Promise<EachCommitted> {
    return this.#send('commitEach', async () => {
      const transaction = this.#database.begin()
      const failures: (WriteConflict | WriteFailed | undefined)[] = []
      if (batches.length > 1)
        this.#database.simulation.marks.sometimes('several entries are written with savepoints')
      try {
        for (const batch of batches) failures.push(await this.#underSavepoint(transaction, batch))
        return { xid: await this.#database.commit(transaction), failures }
      } catch (error) {
        this.#database.rollback(transaction)
        throw classified(error, undefined, this.#database)
      }
    })
  }

  async #underSavepoint(
    transaction: Transaction,
    batch: WriteBatch,
  ): Promise<WriteConflict | WriteFailed | undefined> {
    const held = new Set(transaction.locks)
    try {
      await writeBatch(this.#database, transaction, batch)
      return undefined
    } catch (error) {
      // A rollback to a savepoint frees what was locked since.
      this.#database.simulation.marks.sometimes('an entry is undone to its savepoint')
      const since = [...transaction.locks].filter((lock) => !held.has(lock))
      this.#database.locks.release(transaction, since)
      const meaning = classified(error, batch, this.#database)
      if (meaning instanceof WriteConflict || meaning instanceof WriteFailed) return meaning
      throw error
    }
  }

  /** A conversation: each statement is a call of its own, and when the caller dies the server rolls back. */
  async transaction<T>(
    body: (
      tx: WriteTransaction,
    ) => Promise<{ readonly commit: WriteBatch | undefined; readonly value: T }>,
  ): Promise<{ readonly value: T; readonly committed: Committed | undefined }> {
    const database = this.#database
    const transaction = await this.#ask('begin', () => database.begin())
    this.#process.onDeath(() => this.#hangUp(transaction))
    const started = database.state
    try {
      const { commit, value } = await body(this.#conversation(transaction))
      if (commit === undefined) {
        database.rollback(transaction)
        return { value, committed: undefined }
      }
      await this.#ask('write', () => this.#inOpen(transaction, commit))
      const xid = await this.#send('commit', () => {
        database.assertOpen(transaction)
        return database.commit(transaction)
      })
      return { value, committed: { xid } }
    } catch (error) {
      if (database.state === started) this.#hangUp(transaction)
      throw error
    }
  }

  #conversation(transaction: Transaction): WriteTransaction {
    const database = this.#database
    return {
      query: async () => this.#ask('query', () => ({ rows: [], rowCount: 0 })),
      write: (batch) => this.#ask('write', () => this.#inOpen(transaction, batch)),
      lock: ({ aggregate, id }) =>
        this.#ask('lock', async (): Promise<AggregateRows | undefined> => {
          const key = aggregateKey(aggregate, id)
          database.assertOpen(transaction)
          await database.writes(transaction)
          const seen = database.state.aggregates.get(key)
          await database.lock(transaction, `row ${key}`)
          // Under one snapshot for all statements: what was changed while it waited cannot be seen.
          if (transaction.aggregate(database.state, key) !== seen)
            throw new WriteConflict('serialization', 'could not serialize access')
          return transaction.aggregate(database.state, key)
        }),
    }
  }

  async #inOpen(transaction: Transaction, batch: WriteBatch): Promise<void> {
    this.#database.assertOpen(transaction)
    try {
      await writeBatch(this.#database, transaction, batch)
    } catch (error) {
      this.#database.rollback(transaction)
      throw classified(error, batch, this.#database)
    }
  }

  /** The server notices, sooner or later, that nobody speaks any more. */
  #hangUp(transaction: Transaction): void {
    if (transaction.state !== 'open') return
    this.#database.simulation.kernel.after(5, 'hang up', () => this.#database.rollback(transaction))
  }

  /** For calls whose loss means that nothing happened that counts. Throws `UNAVAILABLE`. */
  async #ask<T>(name: string, effect: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#call(name, false, effect)
    } catch (error) {
      throw error instanceof NoAnswer ? unavailable(error) : this.#noted(conflictOf(error))
    }
  }

  /** For calls that commit. Throws `COMMAND_OUTCOME_UNKNOWN` when the answer is lost. */
  async #send<T>(name: string, effect: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#call(name, true, effect)
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw this.#noted(conflictOf(error))
      if (!error.sent) throw unavailable(error)
      this.#database.simulation.marks.sometimes('the outcome of a commit is not known')
      throw new TailraceError('COMMAND_OUTCOME_UNKNOWN', error.message, {
        retryable: true,
        cause: error,
      })
    }
  }

  #noted(error: unknown): unknown {
    const { marks } = this.#database.simulation
    if (error instanceof WriteConflict) marks.sometimes(`a transaction loses a race: ${error.kind}`)
    else if (error instanceof WriteFailed) marks.sometimes('the database refuses a content')
    return error
  }

  #call<T>(name: string, writes: boolean, effect: () => T | Promise<T>): Promise<T> {
    const { simulation, server } = this.#database
    return simulation.network.call({ process: this.#process, server, name, writes, effect })
  }
}

function conflictOf(error: unknown): unknown {
  return error instanceof Deadlock ? new WriteConflict('serialization', error.message) : error
}

/** A content that is refused may only have collided with the winner of a race: then it was the race. */
function classified(error: unknown, batch: WriteBatch | undefined, database: Database): unknown {
  if (error instanceof Deadlock) return new WriteConflict('serialization', error.message)
  if (!(error instanceof WriteFailed) || batch === undefined) return error
  const { state } = database
  if (batch.commands.some(({ commandId }) => state.records.has(commandId)))
    return new WriteConflict('command', error.message)
  const lost = batch.guards.some(
    ({ aggregate, id, expected }) =>
      state.aggregates.get(aggregateKey(aggregate, id))?.root['version'] !== expected,
  )
  if (lost) return new WriteConflict('version', error.message)
  const exists = batch.rows.some(
    ({ op, of, aggregate, id }) =>
      op === 'insert' && of === aggregate.root && state.aggregates.has(aggregateKey(aggregate, id)),
  )
  return exists ? new WriteConflict('exists', error.message) : error
}

export function unavailable(cause: Error): TailraceError {
  return new TailraceError('UNAVAILABLE', cause.message, { retryable: true, cause })
}
