import {
  TailraceError,
  type AnyProjectionDef,
  type ProjectionStore,
  type ReadStore,
} from 'tailrace/adapter'
import { migrate, readMigrations } from '../migrate.ts'
import { quotedSchema } from '../schema-name.ts'
import { openProjection } from './projection-store.ts'
import { readPools, runOn, type PoolOptions } from './read-pools.ts'
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
  const schemaName = options.schema ?? 'tailrace_read'
  const schema = quotedSchema(schemaName)
  const pools = readPools(options)
  let closed = false
  let ready: Promise<unknown> | undefined
  const opened = new Map<string, Promise<ProjectionStore>>()

  /** Runs after the store's own tables exist; an attempt that failed is repeated. */
  async function prepared<T>(projection: string, body: () => Promise<T>): Promise<T> {
    if (closed)
      throw new TailraceError(
        'ADAPTER_CLOSED',
        'expected an open read store, got one after close()',
      )
    try {
      ready ??= migrate(pools.work, schemaName, readSideMigrations())
      await ready.catch((error: unknown) => {
        ready = undefined
        throw error
      })
      return await body()
    } catch (error) {
      throw storeError(error, projection)
    }
  }

  async function open(projection: AnyProjectionDef, history: string): Promise<ProjectionStore> {
    const tables = versionTables(projection, schema)
    // Other documents under the same version are another opening, which will be refused.
    const key = `${projection.name}/${projection.version}/${history}/${shapeText(projection, tables)}`
    const known = opened.get(key)
    if (known !== undefined && !closed) return known
    const opening = prepared(projection.name, () =>
      openProjection({
        pools,
        schema,
        projection,
        tables,
        history,
        isClosed: () => closed,
        onMissing: () => opened.delete(key),
      }),
    )
    opened.set(key, opening)
    opening.catch(() => opened.delete(key))
    return opening
  }

  return {
    kind: 'read-store',
    name: 'postgres',
    guarantee: 'transactional',
    capabilities: {
      find: true,
      text: true,
      facets: true,
      sql: true,
      rows: true,
      visibleOnWrite: true,
    },
    open,
    liveVersion: (projection) =>
      prepared(projection, async () => {
        const { rows } = await runOn(pools.read, {
          text: `select live_version from ${schema}.read_model where projection = $1`,
          values: [projection],
        })
        return rows[0]?.live_version as number | undefined
      }),
    switchTo: (projection, version) =>
      prepared(projection, async () => {
        const { rowCount } = await runOn(pools.work, {
          text: `insert into ${schema}.read_model (projection, live_version)
            select projection, version from ${schema}.read_version where projection = $1 and version = $2
            on conflict (projection) do update set live_version = excluded.live_version`,
          values: [projection, version],
        })
        if (rowCount === 0)
          throw new TailraceError(
            'PROJECTION_UNKNOWN',
            `expected version ${version} of projection "${projection}" to exist, got none; build it first`,
          )
      }),
    versions: (projection) =>
      prepared(projection, async () => {
        const { rows } = await runOn(pools.read, {
          text: `select version from ${schema}.read_version where projection = $1 order by version`,
          values: [projection],
        })
        return rows.map((row) => row.version as number)
      }),
    drop: (projection, version) =>
      prepared(projection, async () => {
        for (const key of opened.keys())
          if (key.startsWith(`${projection}/${version}/`)) opened.delete(key)
        await dropVersion(pools.work, schema, projection, version)
      }),
    ping: () => prepared('', async () => void (await runOn(pools.read, { text: 'select 1' }))),
    close: async () => {
      if (closed) return
      closed = true
      await pools.close()
    },
  }
}

function readSideMigrations() {
  return readMigrations(new URL('../../src/read/migrations/', import.meta.url))
}
