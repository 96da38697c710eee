import {
  TailraceError,
  type AnyProjectionDef,
  type ProjectionStore,
  type LiveVersion,
  type ReadStore,
} from 'tailrace/adapter'
import { migrate, readMigrations } from '../migrate.ts'
import { quotedSchema } from '../schema-name.ts'
import { openProjection } from './projection-store.ts'
import { readPools, runOn, type PoolOptions, type ReadPools } from './read-pools.ts'
import { storeError } from './store-error.ts'
import { dropVersion, shapeText, versionTables } from './version-tables.ts'

export interface PostgresTablesOptions extends PoolOptions {
  /** Where the tables of projections live. Default: `tailrace_read`. */
  readonly schema?: string
}

/**
 * Read models as PostgreSQL tables: documents in typed columns, tables of sql projections, and their checkpoints, all in one
 * schema and written in one transaction. Takes credentials of its own; never connects to the write database.
 */
export function postgresTables(options: PostgresTablesOptions): ReadStore {
  return new PostgresTables(options)
}

class PostgresTables implements ReadStore {
  readonly kind = 'read-store'
  readonly name = 'postgres'
  readonly guarantee = 'transactional'
  readonly capabilities = {
    find: true,
    text: true,
    facets: true,
    sql: true,
    rows: true,
    visibleOnWrite: true,
  }
  readonly #schemaName: string
  /** Quoted. */
  readonly #schema: string
  readonly #pools: ReadPools
  readonly #opened = new Map<string, Promise<ProjectionStore>>()
  #ready: Promise<unknown> | undefined
  #closed = false

  constructor(options: PostgresTablesOptions) {
    this.#schemaName = options.schema ?? 'tailrace_read'
    this.#schema = quotedSchema(this.#schemaName)
    this.#pools = readPools(options)
  }

  async open(projection: AnyProjectionDef, history: string): Promise<ProjectionStore> {
    const tables = versionTables(projection, this.#schema)
    // Other documents under the same version are another opening, which will be refused.
    const key = `${projection.name}/${projection.version}/${history}/${shapeText(projection, tables)}`
    const known = this.#opened.get(key)
    if (known !== undefined && !this.#closed) return known
    const opening = this.#prepared(projection.name, () =>
      openProjection({
        pools: this.#pools,
        schema: this.#schema,
        projection,
        tables,
        history,
        isClosed: () => this.#closed,
        onMissing: () => this.#opened.delete(key),
      }),
    )
    this.#opened.set(key, opening)
    opening.catch(() => this.#opened.delete(key))
    return opening
  }

  liveVersion(projection: string): Promise<number | undefined> {
    return this.#prepared(projection, async () => {
      const text = `select live_version from ${this.#schema}.read_model where projection = $1`
      const { rows } = await runOn(this.#pools.read, { text, values: [projection] })
      return rows[0]?.live_version as number | undefined
    })
  }

  switchTo(projection: string, version: number, from?: LiveVersion): Promise<boolean> {
    return this.#prepared(projection, async () => {
      // The version cannot be dropped while readers are switched to it. Where they are now is looked at twice: by the
      // statement before it inserts, and in the row that it locks, which another one may have changed.
      const text = `with found as (
          select projection, version from ${this.#schema}.read_version where projection = $1 and version = $2 for share
        ), made as (
          insert into ${this.#schema}.read_model as m (projection, live_version)
          select projection, version from found
          where $3::text is null
            or $3 = coalesce((select live_version::text from ${this.#schema}.read_model where projection = $1), 'none')
          on conflict (projection) do update set live_version = excluded.live_version
          where $3::text is null or $3 = m.live_version::text
          returning 1
        )
        select (select count(*) from found)::int as found, (select count(*) from made)::int as made`
      const values = [projection, version, from === undefined ? null : String(from)]
      const { rows } = await runOn(this.#pools.work, { text, values })
      if (rows[0]?.found !== 0) return rows[0]?.made !== 0
      throw new TailraceError(
        'PROJECTION_UNKNOWN',
        `expected version ${version} of projection "${projection}" to exist, got none; build it first`,
      )
    })
  }

  versions(projection: string): Promise<readonly number[]> {
    return this.#prepared(projection, async () => {
      const text = `select version from ${this.#schema}.read_version where projection = $1 order by version`
      const { rows } = await runOn(this.#pools.read, { text, values: [projection] })
      return rows.map((row) => row.version as number)
    })
  }

  drop(projection: string, version: number): Promise<void> {
    return this.#prepared(projection, async () => {
      for (const key of this.#opened.keys()) {
        if (key.startsWith(`${projection}/${version}/`)) this.#opened.delete(key)
      }
      await dropVersion(this.#pools.work, this.#schema, projection, version)
    })
  }

  ping(): Promise<void> {
    return this.#prepared('', async () => {
      await runOn(this.#pools.read, { text: 'select 1' })
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#pools.close()
  }

  /** Runs after the store's own tables exist; an attempt that failed is repeated. */
  async #prepared<T>(projection: string, body: () => Promise<T>): Promise<T> {
    if (this.#closed) {
      throw new TailraceError(
        'ADAPTER_CLOSED',
        'expected an open read store, got one after close()',
      )
    }
    try {
      this.#ready ??= migrate(this.#pools.work, this.#schemaName, readSideMigrations())
      await this.#ready.catch((error: unknown) => {
        this.#ready = undefined
        throw error
      })
      return await body()
    } catch (error) {
      throw storeError(error, projection)
    }
  }
}

function readSideMigrations() {
  return readMigrations(
    new URL('../../src/read/migrations/', import.meta.url),
    '0001-read-side.sql',
  )
}
