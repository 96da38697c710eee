import {
  documentOutline,
  TailraceError,
  type AnyProjectionDef,
  type ReadStore,
} from 'tailrace/adapter'
import { openEnvironment, type Environment, type Table } from './environment.ts'
import { lmdbProjection } from './lmdb-projection.ts'
import { catalogName, versionKey } from './table-names.ts'
import { versionTables } from './version-tables.ts'

export interface LmdbOptions {
  /** The folder of the store, made when missing. Several projections and processes of one machine may share it. */
  readonly path: string
  /** The most that the store may hold, bytes. Reaching it stops writing with `UNAVAILABLE`, never reading. Default: 64 GiB. */
  readonly mapSize?: number
}

const defaultMapSize = 64 * 1024 ** 3

/**
 * An embedded key-value read store: the fastest `get`, no server, one machine. Holds fold projections; reads by key only.
 * Documents, checkpoint and parked keys commit together; a commit is visible before it is on disk, and a power loss rolls
 * all of them back together to the last state on disk, from where the worker continues.
 */
export function lmdb(options: LmdbOptions): ReadStore {
  const limit = limitOf(options)
  let environment: Environment | undefined
  let closed = false
  const env = (): Environment => {
    if (closed)
      throw new TailraceError(
        'ADAPTER_CLOSED',
        `expected an open LMDB store at "${options.path}", got a call after close()`,
      )
    environment ??= openEnvironment(options.path, limit)
    return environment
  }
  return {
    kind: 'read-store',
    name: 'lmdb',
    guarantee: 'transactional',
    capabilities: {
      find: false,
      text: false,
      facets: false,
      sql: false,
      rows: false,
      visibleOnWrite: true,
    },
    async open(projection, history) {
      checkShape(projection)
      await addVersion(env(), projection)
      return lmdbProjection(
        projection,
        env(),
        versionTables(env(), projection.name, projection.version),
        history,
      )
    },
    liveVersion: async (projection) => readLive(catalog(env()), projection),
    async switchTo(projection, version, from) {
      const table = catalog(env())
      if (!versionsOf(env(), projection).includes(version)) {
        throw new TailraceError(
          'CONFIG',
          `expected a version of "${projection}" that exists, got ${version}; open it first`,
        )
      }
      return env().administer(() => {
        if (from !== undefined && (readLive(table, projection) ?? 'none') !== from) return false
        table.put(liveKey(projection), Buffer.from(String(version)))
        return true
      })
    },
    versions: async (projection) => versionsOf(env(), projection),
    drop: async (projection, version) => dropVersion(env(), projection, version),
    async ping() {
      env().root.getStats()
    },
    async close() {
      closed = true
      await environment?.release()
    },
  }
}

/** The bytes that the store may hold. Throws `CONFIG` for options that cannot be meant. */
function limitOf({ path, mapSize }: LmdbOptions): number {
  if (typeof path !== 'string' || path === '') {
    throw new TailraceError(
      'CONFIG',
      `expected the path of the LMDB store to be a folder, got ${path === '' ? 'an empty text' : String(path)}; see that the variable that it comes from is set`,
    )
  }
  const limit = mapSize ?? defaultMapSize
  if (!Number.isSafeInteger(limit) || limit < 1024 ** 2) {
    throw new TailraceError(
      'CONFIG',
      `expected mapSize of the LMDB store to be bytes from ${1024 ** 2}, got ${limit}`,
    )
  }
  return limit
}

function checkShape(projection: AnyProjectionDef): void {
  if (projection.shape === 'fold') return
  throw new TailraceError(
    'CONFIG',
    `expected projection "${projection.name}" to be a fold for the LMDB store, got "${projection.shape}"; bind it to PostgreSQL`,
  )
}

function catalog(environment: Environment): Table {
  return environment.table(catalogName)
}

function liveKey(projection: string): Buffer {
  return Buffer.from(`live/${projection}`)
}

function readLive(table: Table, projection: string): number | undefined {
  const value = table.get(liveKey(projection))
  return value === undefined ? undefined : Number(value.toString('latin1'))
}

/** In front of the outline of a version's documents; versions of earlier releases have `1` alone. */
const outlined = '1 '

/** Throws `CONFIG` when the version was made for documents of another shape. */
async function addVersion(environment: Environment, projection: AnyProjectionDef): Promise<void> {
  const { name, version } = projection
  const table = catalog(environment)
  const key = versionKey(name, version)
  const outline = documentOutline(projection)
  if (table.get(key) === undefined)
    await environment.administer(() => {
      if (table.get(key) === undefined) void table.put(key, Buffer.from(`${outlined}${outline}`))
    })
  const found = table.get(key)?.toString() ?? ''
  const made = found.startsWith(outlined) ? found.slice(outlined.length) : ''
  if (made === '' || outline === '' || made === outline) return
  throw new TailraceError(
    'CONFIG',
    `expected version ${version} of projection "${name}" to have the documents that this code declares, got others; a change of documents needs a higher version`,
    { details: { declared: outline, found: made } },
  )
}

function versionsOf(environment: Environment, projection: string): number[] {
  const start = versionKey(projection, '')
  const found: number[] = []
  for (const key of catalog(environment).getKeys({
    start,
    end: Buffer.concat([start, Buffer.from(':')]),
  })) {
    found.push(Number(key.toString('latin1', start.length)))
  }
  return found.toSorted((a, b) => a - b)
}

async function dropVersion(
  environment: Environment,
  projection: string,
  version: number,
): Promise<void> {
  const table = catalog(environment)
  if (!versionsOf(environment, projection).includes(version)) return
  const { documents, state } = versionTables(environment, projection, version)
  await environment.administer(() => {
    if (readLive(table, projection) === version) {
      throw new TailraceError(
        'CONFIG',
        `expected a version of "${projection}" that no query reads, got the live version ${version}; switch first`,
      )
    }
    // Emptied and not removed: LMDB gives the handle of a removed database to the next one, and a late writer would hit that.
    documents.clearSync()
    state.clearSync()
    void table.remove(versionKey(projection, version))
  })
}
