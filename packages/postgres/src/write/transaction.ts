import {
  TailraceError,
  WriteFailed,
  type AggregateKey,
  type AggregateRows,
  type Committed,
  type WriteBatch,
  type WriteTransaction,
} from 'tailrace/adapter'
import type { PostgresWriteStore } from './postgres-write-store.ts'
import { isServerError } from './database-errors.ts'
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
  const failures = new StatementFailures(run)
  const tx = new PostgresTransaction(store, failures.run)
  try {
    await failures.run({ text: 'begin isolation level serializable read write' })
    const { commit, value } = await body(tx)
    if (commit === undefined) {
      await run({ text: 'rollback' }).catch(() => undefined)
      return { value, committed: undefined }
    }
    const committed = await store.writeWith(failures.run, commit)
    await commitNow(failures.run)
    return { value, committed }
  } catch (error) {
    // Fails only with the connection, which then rolls back too.
    await run({ text: 'rollback' }).catch(() => undefined)
    const cause = failures.causeOf(error)
    throw failures.has(cause) ? store.classify(cause) : cause
  } finally {
    tx.end()
  }
}

/** Tells what the database said from what the body of the command threw. */
class StatementFailures {
  readonly run: Run
  readonly #failures: unknown[] = []

  constructor(run: Run) {
    this.run = async (statement) => {
      try {
        return await run(statement)
      } catch (error) {
        this.#failures.push(error)
        throw error
      }
    }
  }

  has(error: unknown): boolean {
    return this.#failures.includes(error)
  }

  /** After its first failure a transaction only answers that it is aborted: the first one is the reason. */
  causeOf(error: unknown): unknown {
    return isServerError(error) && error.code === '25P02' ? (this.#failures[0] ?? error) : error
  }
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
  readonly #store: PostgresWriteStore
  readonly #run: Run
  #ended = false

  constructor(store: PostgresWriteStore, run: Run) {
    this.#store = store
    this.#run = (statement) => (this.#ended ? Promise.reject(usedAfterEnd()) : run(statement))
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
    await this.#run({
      text: `select 1 from ${root.sqlName} where id = $1::${type} for no key update`,
      values: [id],
    })
    return (await this.#store.loadWith(this.#run, [key], [])).aggregates[0]
  }

  async write(batch: WriteBatch): Promise<void> {
    await this.#store.writeWith(this.#run, batch)
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
