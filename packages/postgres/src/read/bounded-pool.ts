import type { SqlClient, SqlPool, SqlResult, SqlStatement } from '../sql-pool.ts'
import { connectionError } from './connection-error.ts'
import { watchForSilence, type Arrivals } from './silence.ts'

/**
 * A pool on which nothing waits for ever: a connection that says nothing for `answerMs` is given up. Its statement and all
 * that follow on it fail with an error of the connection, and it is closed instead of kept. The same bound holds for
 * getting a connection. What comes out of a connection is marked as its error.
 * `first` is run once on each connection, before anything else.
 */
export function boundedPool(pool: SqlPool, answerMs: number, first?: SqlStatement): SqlPool {
  const known = new WeakSet<SqlClient>()
  return {
    async connect() {
      const raw = await connected(pool, answerMs)
      const client = new BoundedClient(raw, answerMs)
      if (first === undefined || known.has(raw)) return client
      await begun(client, first)
      known.add(raw)
      return client
    },
  }
}

/** Reads like the errors of a socket, because it stands for one. */
export function noAnswer(ms: number, what = 'answer'): Error {
  return connectionError(
    Object.assign(new Error(`no ${what} within ${ms} ms`), { code: 'ETIMEDOUT' }),
  )
}

/** The longest that a timer can hold: 24 days. */
export const longestTimeoutMs = 2_147_483_647

/**
 * A statement that may take as long as it takes, because that follows from the size of a table or from locks of others: an
 * index, a table that readers still hold. Here only the keep-alive of the connection notices that the server is gone.
 */
export function unhurried(text: string): SqlStatement {
  return { text, query_timeout: longestTimeoutMs }
}

function connected(pool: SqlPool, ms: number): Promise<SqlClient> {
  return new Promise((resolve, reject) => {
    let late = false
    const stop = watchForSilence(undefined, ms, () => {
      late = true
      reject(noAnswer(ms, 'connection'))
    })
    pool.connect().then(
      (client) => {
        stop()
        if (late) client.release()
        else resolve(client)
      },
      (error: unknown) => {
        stop()
        reject(connectionError(error))
      },
    )
  })
}

async function begun(client: SqlClient, first: SqlStatement): Promise<void> {
  // Without a listener, a lost connection ends the process.
  const onError = (): void => undefined
  client.on('error', onError)
  try {
    await client.query(first)
  } catch (error) {
    client.release(true)
    throw error
  } finally {
    client.removeListener('error', onError)
  }
}

class BoundedClient implements SqlClient {
  readonly #client: SqlClient
  readonly #answerMs: number
  /** Set once the connection is given up. */
  #broken: Error | undefined

  constructor(client: SqlClient, answerMs: number) {
    this.#client = client
    this.#answerMs = answerMs
  }

  /** A statement that brings a bound of its own, for `pg`, has no other. */
  query(statement: SqlStatement): Promise<SqlResult> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken)
    // COPY speaks to the connection itself, and bounds its own waits.
    if ('submit' in statement) return this.#client.query(statement)
    const bounded = statement.query_timeout === undefined
    return new Promise((resolve, reject) => {
      const stop = bounded
        ? watchForSilence(this.#arrivals, this.#answerMs, () => reject(this.#giveUp()))
        : () => undefined
      this.#client.query(statement).then(
        (result) => {
          stop()
          resolve(result)
        },
        (error: unknown) => {
          stop()
          reject(this.#failed(error))
        },
      )
    })
  }

  release(destroy?: Error | boolean): void {
    this.#client.release(destroy || this.#broken)
  }

  on(event: 'error', listener: (error: Error) => void): unknown {
    return this.#client.on(event, listener)
  }

  removeListener(event: 'error', listener: (error: Error) => void): unknown {
    return this.#client.removeListener(event, listener)
  }

  get #arrivals(): Arrivals | undefined {
    return (this.#client as { connection?: { stream?: Arrivals } }).connection?.stream
  }

  #giveUp(): Error {
    return (this.#broken = noAnswer(this.#answerMs))
  }

  #failed(error: unknown): unknown {
    // The timeout of an application's own pool: `pg` does not send another statement after it.
    if (error instanceof Error && error.message === 'Query read timeout') this.#broken ??= error
    return connectionError(error)
  }
}
