import { Pool, type PoolClient } from 'pg'
import { databaseUrl } from '../database-url.ts'
import {
  withClient,
  type SqlClient,
  type SqlPool,
  type SqlResult,
  type SqlStatement,
} from '../sql-pool.ts'
import { boundedPool } from './bounded-pool.ts'
import { settledWithin } from './silence.ts'

export interface PoolOptions {
  /** Where the read database is; its own credentials, which need not know the write database. */
  readonly url?: string | undefined
  /**
   * The application's own pool, for everything, instead of `url`. It is not ended by `close()`. Give its connections
   * `keepAlive`, a `lock_timeout` below `answerTimeoutMs` and an `idle_in_transaction_session_timeout`, as those of `url` have. Where they write times or numbers in
   * another way than ISO with all digits, they are set to that.
   */
  readonly pool?: SqlPool | undefined
  /**
   * Connections for projections and for queries. Default: 4 and 8. Projections have at least two: while one loads a new
   * version, what it loads is read over another.
   */
  readonly connections?: { readonly work?: number; readonly read?: number } | undefined
  /** A query that runs longer is cancelled. Default: 5,000. */
  readonly statementTimeoutMs?: number | undefined
  /**
   * A connection on which nothing arrives for so long is given up, and what waited for it fails with `UNAVAILABLE`.
   * Default: 20,000. Queries are given at least `statementTimeoutMs` and five seconds.
   */
  readonly answerTimeoutMs?: number | undefined
}

/** Connections of the read store: projections never wait for queries, nor queries for projections. */
export interface ReadPools {
  readonly work: SqlPool
  readonly read: SqlPool
  /** Connections of `read` refuse to write and have a statement timeout by themselves. */
  readonly readIsGuarded: boolean
  readonly statementTimeoutMs: number
  readonly answerTimeoutMs: number
  close(): Promise<void>
}

/** How values come as texts, whatever the settings of the database and the role are. */
const textsOptions = '-c timezone=UTC -c datestyle=ISO -c extra_float_digits=1'

/** The same for a connection that is not ours alone: only what its texts cannot be read without. Any time zone can. */
const readableTexts: SqlStatement = {
  text: `select set_config('datestyle', 'ISO', false), set_config('extra_float_digits', greatest(current_setting('extra_float_digits')::int, 1)::text, false)`,
}

/** Opens nothing yet: connections are made on first use. Throws `CONFIG`. */
export function readPools(options: PoolOptions): ReadPools {
  const { statementTimeoutMs = 5_000, answerTimeoutMs = 20_000 } = options
  // The server cancels a slow query; that is an answer.
  const queryTimeoutMs = Math.max(answerTimeoutMs, statementTimeoutMs + 5_000)
  if (options.pool !== undefined) {
    return {
      work: boundedPool(options.pool, answerTimeoutMs, readableTexts),
      read: boundedPool(options.pool, queryTimeoutMs, readableTexts),
      readIsGuarded: false,
      statementTimeoutMs,
      answerTimeoutMs,
      close: async () => undefined,
    }
  }
  const base = {
    connectionString: databaseUrl('postgresTables', options.url),
    connectionTimeoutMillis: 5_000,
    // Finds a server that is gone also while it is expected to work for long, as on an index.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
  // Every statement of a worker goes by primary keys. A plan made while a table was small must not scan it later.
  const work = new Pool({
    ...base,
    max: Math.max(2, options.connections?.work ?? 4),
    // Who waits for a lock of others is told so by the server: a connection given up here would go on to wait there. What a
    // process holds that stands still in the middle of a transaction is taken from it.
    options: `${textsOptions} -c enable_seqscan=off -c jit=off -c lock_timeout=${lockTimeoutMs(answerTimeoutMs)} -c idle_in_transaction_session_timeout=${answerTimeoutMs * 3}`,
  })
  const read = new Pool({
    ...base,
    max: options.connections?.read ?? 8,
    options: `${textsOptions} -c default_transaction_read_only=on -c statement_timeout=${statementTimeoutMs} -c jit=off`,
  })
  const open = new Map<PoolClient, Promise<void>>()
  // A connection lost while idle is replaced at the next use.
  for (const pool of [work, read]) {
    pool.on('error', () => undefined)
    pool.on('connect', (client) => {
      // One that the server ends while the pool is closing it has no listener of the pool any more.
      client.on('error', () => undefined)
      const ended = new Promise<void>((resolve) => client.once('end', resolve))
      open.set(client, ended)
      void ended.then(() => open.delete(client))
    })
  }
  return {
    work: boundedPool(work, answerTimeoutMs),
    read: boundedPool(read, queryTimeoutMs),
    readIsGuarded: true,
    statementTimeoutMs,
    answerTimeoutMs,
    close: async () => {
      await settledWithin(Promise.all([work.end(), read.end()]), answerTimeoutMs)
      await settledWithin(Promise.all(open.values()), goodbyeMs)
      // What still runs has no bound of its own, or goes to a server that does not take its leave.
      for (const client of open.keys()) cut(client)
      await Promise.all(open.values())
    },
  }
}

/** How long a statement waits for a lock, where it is given up on the connection after `answerTimeoutMs`. */
export function lockTimeoutMs(answerTimeoutMs: number): number {
  return Math.ceil(answerTimeoutMs * 0.75)
}

/** How long the server may take to end connections that nobody uses any more. */
const goodbyeMs = 1_000

/** Ends a connection without a word. What waits for its answer fails. */
function cut(client: PoolClient): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
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
