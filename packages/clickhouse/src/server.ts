import { Readable } from 'node:stream'
import {
  ClickHouseLogLevel,
  createClient,
  drainStream,
  type ClickHouseClient,
  type ClickHouseSettings,
} from '@clickhouse/client'
import { TailraceError } from 'tailrace/adapter'
import { storeError } from './store-error.ts'
import type { StoreSettings } from './store-settings.ts'
import { literal, onCluster, quoted } from './table-ddl.ts'

export type Parameters = Readonly<Record<string, unknown>>

/** Numbers that JavaScript cannot hold come as text, times as RFC 3339. */
const exact: ClickHouseSettings & Readonly<Record<string, string | number>> = {
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
  date_time_output_format: 'iso',
  precise_float_parsing: 1,
}

/** The oldest server whose features are relied on. */
const oldest = [24, 8] as const

/** The ClickHouse server, or the replica, that a store works with. Work and queries have connections of their own. */
export class Server {
  readonly settings: StoreSettings
  readonly #work: ClickHouseClient
  readonly #read: ClickHouseClient
  /** What every SELECT needs to see all that was acknowledged. */
  readonly #consistent: ClickHouseSettings
  #ready: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(settings: StoreSettings) {
    this.settings = settings
    this.#consistent =
      settings.replication === undefined ? {} : { select_sequential_consistency: '1' }
    this.#work = this.#client(settings.connections.work, settings.requestTimeoutMs)
    // The server ends a query first, and says so.
    this.#read = this.#client(
      settings.connections.read,
      settings.queryLimits.seconds * 1_000 + 5_000,
    )
  }

  #client(connections: number, timeoutMs: number): ClickHouseClient {
    const { url, user, password } = this.settings
    return createClient({
      url,
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password }),
      application: 'tailrace',
      // It exists on every server; all names of tables are qualified.
      database: 'system',
      max_open_connections: connections,
      request_timeout: timeoutMs,
      use_multipart_params_auto: true,
      log: { level: ClickHouseLogLevel.OFF },
    })
  }

  /** Rows of a statement of the store's own. */
  async rows(query: string, parameters: Parameters = {}): Promise<unknown[][]> {
    await this.prepared()
    return this.#select(this.#work, query, parameters, {})
  }

  /** Rows of a statement for a reader: it cannot write, and ends within the limits of queries. */
  async readRows(query: string, parameters: Parameters = {}): Promise<unknown[][]> {
    await this.prepared()
    return this.#select(this.#read, query, parameters, this.#limits())
  }

  /** As `readRows`, rows as objects by column name. */
  async readObjects(query: string, parameters: Parameters): Promise<Record<string, unknown>[]> {
    await this.prepared()
    try {
      const result = await this.#read.query({
        query,
        query_params: parameters,
        format: 'JSONEachRow',
        clickhouse_settings: { ...exact, ...this.#consistent, ...this.#limits() },
      })
      return await result.json<Record<string, unknown>>()
    } catch (error) {
      throw storeError(error)
    }
  }

  #limits(): ClickHouseSettings {
    const { seconds, memoryBytes, resultRows } = this.settings.queryLimits
    return {
      readonly: '1',
      max_execution_time: seconds,
      max_memory_usage: String(memoryBytes),
      max_result_rows: String(resultRows),
      result_overflow_mode: 'throw',
    }
  }

  async #select(
    client: ClickHouseClient,
    query: string,
    parameters: Parameters,
    settings: ClickHouseSettings,
  ): Promise<unknown[][]> {
    try {
      const result = await client.query({
        query,
        query_params: parameters,
        format: 'JSONCompactEachRow',
        clickhouse_settings: { ...exact, ...this.#consistent, ...settings },
      })
      return await result.json<unknown[]>()
    } catch (error) {
      throw storeError(error)
    }
  }

  /** Runs a statement that gives no rows. */
  async command(query: string): Promise<void> {
    await this.prepared()
    await this.#command(query)
  }

  async #command(query: string): Promise<void> {
    try {
      await this.#work.command({ query })
    } catch (error) {
      throw storeError(error)
    }
  }

  /**
   * Inserts a body of `format`. Resolves when the server has written it: its own batching of inserts, which may answer
   * before, is turned off. One block up to about a million rows of one partition: all of it or nothing.
   */
  async insert(
    into: string,
    format: 'RowBinary' | 'JSONCompactEachRow',
    body: Buffer,
    settings: ClickHouseSettings = {},
  ): Promise<void> {
    await this.prepared()
    try {
      const { stream } = await this.#work.exec({
        query: `INSERT INTO ${into} FORMAT ${format}`,
        values: Readable.from([body], { objectMode: false }),
        clickhouse_settings: {
          async_insert: 0,
          wait_for_async_insert: 1,
          max_partitions_per_insert_block: '0',
          ...(this.settings.replication === undefined
            ? {}
            : { insert_quorum: 'auto', insert_quorum_parallel: 0 }),
          ...settings,
        },
      })
      await drainStream(stream)
    } catch (error) {
      throw storeError(error)
    }
  }

  assertOpen(): void {
    if (this.#closed === undefined) return
    throw new TailraceError(
      'ADAPTER_CLOSED',
      'expected an open ClickHouse store, got a call after close()',
    )
  }

  /** Looks at the server before the first use: its version, and that the database exists. A failed look is repeated. */
  async prepared(): Promise<void> {
    this.assertOpen()
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      this.#ready = undefined
      throw error
    })
    await this.#ready
    this.assertOpen()
  }

  async #prepare(): Promise<void> {
    const { database, replication } = this.settings
    const [row] = await this.#select(
      this.#work,
      `SELECT version(), (SELECT count() FROM system.databases WHERE name = ${literal(database)})`,
      {},
      {},
    )
    checkVersion(String(row![0]))
    if (Number(row![1]) === 0)
      await this.#command(
        `CREATE DATABASE IF NOT EXISTS ${quoted(database)}${onCluster(replication)}`,
      )
  }

  /** A cheap check that the server answers and lets us in. */
  async ping(): Promise<void> {
    await this.rows('SELECT 1')
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all([this.#work.close(), this.#read.close()]).then(() => undefined)
    return this.#closed
  }
}

function checkVersion(version: string): void {
  const [major, minor] = version.split('.').map(Number)
  if (major! > oldest[0] || (major === oldest[0] && minor! >= oldest[1])) return
  throw new TailraceError(
    'DATABASE_UNSUITABLE',
    `expected ClickHouse ${oldest.join('.')} or newer, got ${version}; upgrade the server`,
  )
}
