import {
  TailraceError,
  WriteConflict,
  WriteFailed,
  type AggregateKey,
  type AggregateRows,
  type Committed,
  type WriteBatch,
  type WriteTransaction,
} from 'tailrace/adapter'
import type { PostgresWriteStore } from './postgres-write-store.ts'
import { isLogFull, isServerError } from './database-errors.ts'
import { runCommitting, type Run } from './statement-runner.ts'
import { valueParsers } from './value-parsers.ts'

/**
 * Runs a transactional command at isolation level serializable: rules over sets of rows hold although others write, or
 * the transaction fails with a `WriteConflict` and is run again.
 */
export async function runTransaction<T>(
  store: PostgresWriteStore,
  run: Run,
  body: (
    tx: WriteTransaction,
  ) => Promise<{ readonly commit: WriteBatch | undefined; readonly value: T }>,
): Promise<{ readonly value: T; readonly committed: Committed | undefined }> {
  const statements = new TransactionStatements(store, run)
  const tx = new PostgresTransaction(store, statements)
  try {
    await statements.run({ text: begin })
    const { commit, value } = await body(tx)
    if (commit === undefined) {
      await run({ text: 'rollback' }).catch(() => undefined)
      return { value, committed: undefined }
    }
    const committed = await store.writeWith(statements.run, commit)
    await commitNow(run)
    store.wrote([...tx.written, commit])
    return { value, committed }
  } catch (error) {
    // Fails only with the connection, which then rolls back too.
    await run({ text: 'rollback' }).catch(() => undefined)
    if (isLogFull(statements.decisive?.cause)) await store.makePartitions(run)
    throw statements.decisive ?? (isServerError(error) ? store.classify(error) : error)
  } finally {
    tx.end()
  }
}

const begin = 'begin isolation level serializable read write'

/** So often a transaction that has read nothing yet is begun anew, each time after another one's commit. */
const maxBeginnings = 50

/** Runs a transaction's statements and says in the terms of the port why one failed. */
class TransactionStatements {
  /** A failure that decides what becomes of the command, whatever the body makes of it: run again, or not possible now. */
  decisive: Error | undefined
  readonly #store: PostgresWriteStore
  readonly #run: Run
  #first: Error | undefined
  #used = false

  constructor(store: PostgresWriteStore, run: Run) {
    this.#store = store
    this.#run = run
  }

  readonly run: Run = async (statement) => {
    this.#used ||= statement.text !== begin
    try {
      return await this.#run(statement)
    } catch (error) {
      throw this.#meaningOf(error)
    }
  }

  /**
   * Runs a statement that locks. When the row changed while it waited, the transaction can no longer see the row as it
   * is; as long as the body has read nothing, it is begun anew with nobody noticing, instead of the whole command.
   */
  readonly runLocking: Run = async (statement) => {
    for (let beginnings = 1; !this.#used && beginnings < maxBeginnings; beginnings++) {
      try {
        const result = await this.#run(statement)
        this.#used = true
        return result
      } catch (error) {
        if (!isRace(this.#store.classify(error))) throw this.#meaningOf(error)
        await this.#run({ text: 'rollback' })
        await this.#run({ text: begin })
      }
    }
    return this.run(statement)
  }

  #meaningOf(error: unknown): Error {
    // After its first failure a transaction only answers that it is aborted: the first one is the reason.
    const aborted = isServerError(error) && error.code === '25P02'
    const meaning = aborted && this.#first !== undefined ? this.#first : this.#store.classify(error)
    this.#first ??= meaning
    if (isRace(meaning) || meaning instanceof TailraceError) this.decisive ??= meaning
    return meaning
  }
}

function isRace(error: Error): boolean {
  return error instanceof WriteConflict && error.kind === 'serialization'
}

async function commitNow(run: Run): Promise<void> {
  const { command } = await runCommitting(run, { text: 'commit' })
  // The server answers the commit of a failed transaction with a rollback, without an error.
  if (command === 'ROLLBACK')
    throw new WriteFailed(
      'expected the transaction to commit, got a rollback; a statement before had failed',
    )
}

class PostgresTransaction implements WriteTransaction {
  readonly written: WriteBatch[] = []
  readonly #store: PostgresWriteStore
  readonly #run: Run
  readonly #runLocking: Run
  #ended = false

  constructor(store: PostgresWriteStore, statements: TransactionStatements) {
    this.#store = store
    this.#run = (statement) =>
      this.#ended ? Promise.reject(usedAfterEnd()) : statements.run(statement)
    this.#runLocking = (statement) =>
      this.#ended ? Promise.reject(usedAfterEnd()) : statements.runLocking(statement)
  }

  async query<R = Record<string, unknown>>(
    sql: string,
    parameters?: readonly unknown[],
  ): Promise<{ readonly rows: R[]; readonly rowCount: number | null }> {
    refuseControl(sql)
    const values = parameters === undefined ? {} : { values: [...parameters] }
    const { rows, rowCount } = await this.#run({ text: sql, ...values, types: valueParsers })
    return { rows: rows as R[], rowCount }
  }

  async lock(key: AggregateKey): Promise<AggregateRows | undefined> {
    const id = this.#store.storedId(key)
    if (id === undefined) return undefined
    const { root } = this.#store.tablesOf(key)
    const type = root.key[0]!.typeSql
    await this.#runLocking({
      text: `select 1 from ${root.sqlName} where id = $1::${type} for no key update`,
      values: [id],
    })
    return (await this.#store.loadWith(this.#run, [key], [])).aggregates[0]
  }

  async write(batch: WriteBatch): Promise<void> {
    await this.#store.writeWith(this.#run, batch)
    this.written.push(batch)
  }

  end(): void {
    this.#ended = true
  }
}

function usedAfterEnd(): TailraceError {
  return new TailraceError(
    'ADAPTER_CLOSED',
    'expected the transaction to be used while its command runs, got a use after its end; await every call',
  )
}

/** The engine ends the transaction, and a notification would hold a lock of the whole server through the commit. */
function refuseControl(sql: string): void {
  const control =
    /^\s*(begin|start\s+transaction|commit|end|abort|rollback(?!\s+to\b)|prepare\s+transaction|listen|notify)\b/i.exec(
      sql,
    )?.[1] ?? /\bpg_notify\s*\(/i.exec(sql)?.[0]
  if (control === undefined) return
  throw new TailraceError(
    'CONFIG',
    `expected SQL that leaves the transaction to the engine, got "${control.trim()}"; return from the command to commit, reject or throw to roll back, and use a reactor to tell others`,
  )
}
