import { randomBytes } from 'node:crypto'
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client'

/** Databases of one test file on a shared server, and a client that sees what a store left behind. */
export class TestDatabases {
  readonly client: ClickHouseClient
  readonly #names: string[] = []

  constructor(url: string) {
    this.client = createClient({ url, log: { level: ClickHouseLogLevel.OFF } })
  }

  /** The name of a database that does not exist yet. */
  fresh(): string {
    const name = `test_${randomBytes(6).toString('hex')}`
    this.#names.push(name)
    return name
  }

  async rows<Row = Record<string, unknown>>(query: string): Promise<Row[]> {
    const result = await this.client.query({ query, format: 'JSONEachRow' })
    return result.json<Row>()
  }

  command(query: string): Promise<unknown> {
    return this.client.command({ query })
  }

  async drop(): Promise<void> {
    for (const name of this.#names)
      await this.client.command({ query: `DROP DATABASE IF EXISTS ${name} SYNC` })
    await this.client.close()
  }
}
