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
import type { Transaction } from './transaction.ts'
import { commitEach } from './commit-each.ts'
import { classified, explained } from './lost-race.ts'
import { aggregateKey } from './row-changes.ts'
import { lockSeen } from './row-versions.ts'
import { writeBatch } from './write-statement.ts'

/** So often a transaction that has read nothing yet is begun anew, each time after another one's commit. */
const maxBeginnings = 50

/** The write store of one process on the simulated database. */
export class SimWriteStore implements WriteStore {
  readonly #database: Database
  readonly #process: Process
  /** Transactions of which a statement is under way. */
  readonly #working = new Set<Transaction>()
  /** Nobody listens any more to what these answer. */
  readonly #left = new WeakSet<Transaction>()

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
        throw explained(error, batch, this.#database)
      }
    })
  }

  async commitEach(batches: readonly WriteBatch[]): Promise<EachCommitted> {
    return this.#send('commitEach', async () => {
      const transaction = this.#database.begin()
      try {
        return await commitEach(this.#database, transaction, batches, () => this.#process.alive)
      } catch (error) {
        this.#database.rollback(transaction)
        throw classified(error)
      }
    })
  }

  /** A conversation: each statement is a call of its own, and when the caller dies the server rolls back. */
  async transaction<T>(
    body: (
      tx: WriteTransaction,
    ) => Promise<{ readonly commit: WriteBatch | undefined; readonly value: T }>,
  ): Promise<{ readonly value: T; readonly committed: Committed | undefined }> {
    const database = this.#database
    const transaction = await this.#ask('begin', () => database.begin('repeatable read'))
    this.#process.onDeath(() => this.#hangUp(transaction))
    const started = database.state
    try {
      const { commit, value } = await body(this.#conversation(transaction))
      if (commit === undefined) {
        database.rollback(transaction)
        return { value, committed: undefined }
      }
      await this.#speak(transaction, 'write', () => this.#inOpen(transaction, commit))
      const xid = await this.#send('commit', () => {
        database.assertOpen(transaction)
        return database.commit(transaction)
      })
      return { value, committed: { xid } }
    } catch (error) {
      this.#left.add(transaction)
      if (database.state === started) this.#hangUp(transaction)
      throw error
    }
  }

  #conversation(transaction: Transaction): WriteTransaction {
    return {
      query: async () => this.#ask('query', () => ({ rows: [], rowCount: 0 })),
      write: (batch) => this.#speak(transaction, 'write', () => this.#inOpen(transaction, batch)),
      lock: ({ aggregate, id }) =>
        this.#speak(transaction, 'lock', () =>
          this.#lockInOpen(transaction, aggregateKey(aggregate, id)),
        ),
    }
  }

  /** As long as nothing was read, a race that is lost is not noticed: the transaction is begun anew. */
  async #lockInOpen(transaction: Transaction, key: string): Promise<AggregateRows | undefined> {
    const database = this.#database
    for (let beginnings = 1; ; beginnings++) {
      database.assertOpen(transaction)
      const unused = transaction.frozen === undefined
      try {
        return await lockSeen(database, transaction, key)
      } catch (error) {
        if (transaction.state !== 'open') throw error
        const meaning = classified(error)
        if (!unused || beginnings >= maxBeginnings) {
          database.rollback(transaction)
          throw meaning
        }
        database.locks.release(transaction, [...transaction.locks])
        transaction.frozen = undefined
      }
    }
  }

  async #inOpen(transaction: Transaction, batch: WriteBatch): Promise<void> {
    this.#database.assertOpen(transaction)
    try {
      await writeBatch(this.#database, transaction, batch)
    } catch (error) {
      this.#database.rollback(transaction)
      throw classified(error)
    }
  }

  /** The server notices, sooner or later, that nobody speaks any more: not while it is at work, which may be a wait for a lock. */
  #hangUp(transaction: Transaction): void {
    if (transaction.state !== 'open' || this.#working.has(transaction)) return
    this.#database.simulation.kernel.after(5, 'hang up', () => {
      if (!this.#working.has(transaction)) this.#database.rollback(transaction)
    })
  }

  /** One statement of a conversation. When it has ended, the server finds out whether anybody listens. */
  #speak<T>(transaction: Transaction, name: string, statement: () => Promise<T>): Promise<T> {
    return this.#ask(name, async () => {
      this.#working.add(transaction)
      try {
        return await statement()
      } finally {
        this.#working.delete(transaction)
        if (!this.#process.alive || this.#left.has(transaction)) this.#hangUp(transaction)
      }
    })
  }

  /** For calls whose loss means that nothing happened that counts. Throws `UNAVAILABLE`. */
  async #ask<T>(name: string, effect: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#call(name, false, effect)
    } catch (error) {
      throw error instanceof NoAnswer ? unavailable(error) : this.#noted(classified(error))
    }
  }

  /** For calls that commit. Throws `COMMAND_OUTCOME_UNKNOWN` when the answer is lost. */
  async #send<T>(name: string, effect: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#call(name, true, effect)
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw this.#noted(classified(error))
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

export function unavailable(cause: Error): TailraceError {
  return new TailraceError('UNAVAILABLE', cause.message, { retryable: true, cause })
}
