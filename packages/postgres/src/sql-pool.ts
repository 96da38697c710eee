/**
 * The part of `pg` that is used here. A user's own pool fits, also one with more features or another version of `pg`.
 * Nothing relies on settings of its connections.
 */
export interface SqlPool {
  connect(): Promise<SqlClient>
}

export interface SqlClient {
  query(statement: SqlStatement): Promise<SqlResult>
  /** With an error or `true`, the connection is closed instead of kept. */
  release(destroy?: Error | boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

export interface SqlStatement {
  readonly text: string
  readonly values?: unknown[]
  /** Prepared once per connection under this name. */
  readonly name?: string
  readonly types?: SqlTypeParsers
  /** Milliseconds after which the answer is given up. The connection is of no use then. */
  readonly query_timeout?: number
  /** Rows as arrays of their columns, which is cheaper than objects. */
  readonly rowMode?: 'array'
}

export interface SqlTypeParsers {
  // oxlint-disable-next-line typescript/no-explicit-any
  getTypeParser(oid: number, format?: any): any
}

export interface SqlResult {
  // oxlint-disable-next-line typescript/no-explicit-any
  rows: any[]
  rowCount: number | null
  command: string
}

/** Runs `body` on a connection of its own. A connection that fails meanwhile is closed, not given back. */
export async function withClient<T>(
  pool: SqlPool,
  body: (client: SqlClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  // Without a listener, a lost connection ends the process.
  const onError = (error: Error) => {
    broken = error
  }
  client.on('error', onError)
  try {
    return await body(client)
  } finally {
    client.removeListener('error', onError)
    client.release(broken)
  }
}

/** Runs `body` in a transaction: committed when it resolves, rolled back when it throws. */
export function inTransaction<T>(
  pool: SqlPool,
  body: (client: SqlClient) => Promise<T>,
): Promise<T> {
  return withClient(pool, async (client) => {
    await client.query({ text: 'begin' })
    try {
      const value = await body(client)
      await client.query({ text: 'commit' })
      return value
    } catch (error) {
      // Fails only with the connection, which then rolls back too.
      await client.query({ text: 'rollback' }).catch(() => undefined)
      throw error
    }
  })
}
