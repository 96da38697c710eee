import { Pool, type PoolClient } from 'pg'
import type { SqlClient, SqlPool, SqlResult, SqlStatement } from '@tailrace/postgres'

/** The one connection of a session, known to the server by the session's name. */
export class SessionPool implements SqlPool {
  readonly #pool: Pool
  #client: PoolClient | undefined

  constructor(url: string, name: string) {
    this.#pool = new Pool({
      connectionString: url,
      max: 1,
      application_name: name,
      // As the product has it for its commands.
      options: '-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off',
    })
    // Connections are ended on purpose.
    this.#pool.on('error', () => undefined)
    this.#pool.on('connect', (client) => client.on('error', () => undefined))
  }

  async connect(): Promise<SqlClient> {
    const client = await this.#pool.connect()
    this.#client = client
    const send = client.query.bind(client) as unknown as (
      statement: SqlStatement,
    ) => Promise<SqlResult>
    return {
      query: (statement) => send(asSimulated(statement)),
      release: (destroy) => client.release(destroy),
      on: (event, listener) => client.on(event, listener),
      removeListener: (event, listener) => client.removeListener(event, listener),
    }
  }

  /** The way to the server is gone; the server finds out when it next listens. */
  cut(): void {
    const client = this.#client as unknown as { connection: { stream: { destroy(): void } } }
    client.connection.stream.destroy()
  }

  end(): Promise<void> {
    return this.#pool.end()
  }
}

/** The simulated server has one snapshot per transaction, but does not look for dependencies between transactions. */
function asSimulated(statement: SqlStatement): SqlStatement {
  const text = statement.text.replace(
    'begin isolation level serializable',
    'begin isolation level repeatable read',
  )
  return { ...statement, text }
}
