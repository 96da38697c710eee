import { Pool } from 'pg'
import { TailraceError } from 'tailrace/adapter'
import {
  withClient,
  type SqlClient,
  type SqlPool,
  type SqlResult,
  type SqlStatement,
} from '../sql-pool.ts'

export interface PoolOptions {
  /** Where the read database is; its own credentials, which need not know the write database. */
  readonly url?: string | undefined
  /** The application's own pool, for everything, instead of `url`. It is not ended by `close()`. */
  readonly pool?: SqlPool | undefined
  /** Connections for projections and for queries. Default: 4 and 8. */
  readonly connections?: { readonly work?: number; readonly read?: number } | undefined
  /** A query that runs longer is cancelled. Default: 5,000. */
  readonly statementTimeoutMs?: number | undefined
}

/** Connections of the read store: projections never wait for queries, nor queries for projections. */
export interface ReadPools {
  readonly work: SqlPool
  readonly read: SqlPool
  /** Connections of `read` refuse to write and have a statement timeout by themselves. */
  readonly readIsGuarded: boolean
  readonly statementTimeoutMs: number
  close(): Promise<void>
}

/** Opens nothing yet: connections are made on first use. Throws `CONFIG`. */
export function readPools(options: PoolOptions): ReadPools {
  const statementTimeoutMs = options.statementTimeoutMs ?? 5_000
  if (options.pool !== undefined) {
    return {
      work: options.pool,
      read: options.pool,
      readIsGuarded: false,
      statementTimeoutMs,
      close: async () => undefined,
    }
  }
  if (options.url === undefined) {
    throw new TailraceError(
      'CONFIG',
      'expected postgresTables({ url }) or postgresTables({ pool }), got neither',
    )
  }
  const base = { connectionString: options.url, connectionTimeoutMillis: 5_000, keepAlive: true }
  // Every statement of a worker goes by primary keys. A plan made while a table was small must not scan it later.
  const work = new Pool({
    ...base,
    max: options.connections?.work ?? 4,
    options: '-c timezone=UTC -c enable_seqscan=off -c jit=off',
  })
  const read = new Pool({
    ...base,
    max: options.connections?.read ?? 8,
    options: `-c timezone=UTC -c default_transaction_read_only=on -c statement_timeout=${statementTimeoutMs} -c jit=off`,
  })
  // A connection lost while idle is replaced at the next use.
  for (const pool of [work, read]) {
    pool.on('error', () => undefined)
    // One that the server ends while the pool is closing it has no listener of the pool any more.
    pool.on('connect', (client) => client.on('error', () => undefined))
  }
  return {
    work,
    read,
    readIsGuarded: true,
    statementTimeoutMs,
    close: async () => {
      await Promise.all([work.end(), read.end()])
    },
  }
}

/** Rows as arrays of the texts that PostgreSQL sent: the codec knows the types. */
export interface TextResult {
  readonly rows: (string | null)[][]
}

const texts = { getTypeParser: () => (text: string) => text }

/** Runs one statement and gives its rows as texts. */
export async function queryTexts(client: SqlClient, statement: SqlStatement): Promise<TextResult> {
  const asTexts = { ...statement, rowMode: 'array', types: texts } as SqlStatement
  return (await client.query(asTexts)) as unknown as TextResult
}

export function textsOn(pool: SqlPool, statement: SqlStatement): Promise<TextResult> {
  return withClient(pool, (client) => queryTexts(client, statement))
}

export function runOn(pool: SqlPool, statement: SqlStatement): Promise<SqlResult> {
  return withClient(pool, (client) => client.query(statement))
}
