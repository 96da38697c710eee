import type { SqlPool, SqlResult, SqlStatement } from '../sql-pool.ts'
import {
  isConnectionLost,
  isStalePlan,
  outcomeUnknown,
  unavailable,
  wasNotSent,
} from './database-errors.ts'
import { endOfTurn } from './end-of-turn.ts'

/** Runs one statement on the connection in hand. */
export type Run = (statement: SqlStatement) => Promise<SqlResult>

/** A pool may hand out connections that died while idle; each is found out once. */
const maxDeadConnections = 5

/** A server that does not answer for so long is taken for lost, so that half-open connections cannot hold commands for ever. */
const answerTimeoutMs = 20_000

/**
 * Takes a connection for `body`. One that turns out to be dead, or to have forgotten its prepared statements, before
 * anything was done is replaced. A connection in doubt is closed instead of kept. Throws `UNAVAILABLE` when there is
 * none to have.
 */
export async function onConnection<T>(pool: SqlPool, body: (run: Run) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const client = await pool.connect().catch((error: unknown) => {
      throw unavailable(error, 'a connection to the write database')
    })
    let broken: Error | undefined
    let done = 0
    let replace = false
    // Without a listener, a lost connection ends the process.
    const onError = (error: Error) => {
      broken = error
    }
    client.on('error', onError)
    const run: Run = async (statement) => {
      try {
        await endOfTurn()
        const result = await client.query({ query_timeout: answerTimeoutMs, ...statement })
        done++
        return result
      } catch (error) {
        const stale = isStalePlan(error)
        if (stale || isConnectionLost(error)) broken ??= error as Error
        replace = done === 0 && (stale || wasNotSent(error))
        throw error
      }
    }
    try {
      return await body(run)
    } catch (error) {
      if (!replace || attempt >= maxDeadConnections) throw error
    } finally {
      client.removeListener('error', onError)
      client.release(broken)
    }
  }
}

/** Runs a statement that only reads. A connection lost on the way is replaced once. Throws `UNAVAILABLE`. */
export async function read(pool: SqlPool, statement: SqlStatement): Promise<SqlResult> {
  const once = () => onConnection(pool, (run) => run(statement))
  try {
    return await once()
  } catch (error) {
    if (!isConnectionLost(error)) throw error
  }
  return once().catch((error: unknown) => {
    throw isConnectionLost(error) ? unavailable(error) : error
  })
}

/**
 * Runs a statement whose success commits. Throws `COMMAND_OUTCOME_UNKNOWN` when the connection was lost after it was
 * sent, `UNAVAILABLE` when before, and the server's own error when it refused.
 */
export async function runCommitting(run: Run, statement: SqlStatement): Promise<SqlResult> {
  try {
    return await run(statement)
  } catch (error) {
    if (!isConnectionLost(error)) throw error
    throw wasNotSent(error) ? unavailable(error) : outcomeUnknown(error)
  }
}
