import type { RedisClientOptions } from '@redis/client'
import {
  documentOutline,
  TailraceError,
  type AnyProjectionDef,
  type ReadStore,
} from 'tailrace/adapter'
import { Catalog } from './catalog.ts'
import { RedisConnection } from './connection.ts'
import { compileLookups } from './lookup.ts'
import type { LinkOptions } from './redis-link.ts'
import { projectionStore } from './projection-store.ts'
import { Suitability } from './suitability.ts'

export interface RedisOptions {
  /**
   * `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS. Of the primary, also after a failover; in a
   * cluster of any node.
   */
  readonly url: string
  /** What the names of all keys begin with. Default: `tailrace`. */
  readonly prefix?: string
  /** Longest wait for an answer, milliseconds. Default: 5,000. */
  readonly timeoutMs?: number
  /** Further options of the driver, such as certificates. */
  readonly client?: RedisClientOptions
}

/**
 * A read store in memory with the fastest reads over a network: documents by key, and lists by declared lookups. Documents,
 * positions and checkpoints change in one script on the primary, and replicas get them together: after a failover to an
 * older copy the worker goes on from the checkpoint of that copy. Throws `CONFIG`.
 */
export function redis(options: RedisOptions): ReadStore {
  const { prefix = 'tailrace', timeoutMs = 5_000 } = options
  if (!/^[\w.:-]{1,100}$/.test(prefix))
    throw config(`expected prefix of the Redis store to match [\\w.:-]{1,100}, got "${prefix}"`)
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1)
    throw config(`expected timeoutMs of the Redis store to be an integer from 1, got ${timeoutMs}`)
  const connecting: LinkOptions = { url: options.url, timeoutMs, client: options.client }
  const writing = new RedisConnection(connecting)
  const reading = new RedisConnection(connecting)
  const catalog = new Catalog(writing, prefix)
  const suitability = new Suitability(writing, options.url)
  return {
    kind: 'read-store',
    name: 'redis',
    guarantee: 'versioned',
    capabilities: {
      find: 'declared',
      text: false,
      facets: true,
      sql: false,
      rows: false,
      visibleOnWrite: true,
    },
    async open(projection, history) {
      checkShape(projection)
      const lookups = compileLookups(projection)
      const { name, version } = projection
      const { catalog: catalogKey } = catalog.names(name)
      await suitability.checkNow(catalogKey)
      const incarnation = await catalog.open(name, version, {
        shape: lookups.shape,
        outline: documentOutline(projection),
      })
      return projectionStore({
        projection,
        names: catalog.names(name),
        incarnation,
        lookups,
        history,
        writing,
        reading,
        suitable: () => suitability.check(catalogKey),
      })
    },
    liveVersion: (projection) => catalog.live(projection),
    switchTo: (projection, version, from) => catalog.switchTo(projection, version, from),
    versions: (projection) => catalog.versions(projection),
    drop: (projection, version) => catalog.drop(projection, version),
    ping: () => suitability.checkNow(`${prefix}:ping`),
    async close() {
      writing.close()
      reading.close()
    },
  }
}

function checkShape(projection: AnyProjectionDef): void {
  if (projection.shape !== 'fold')
    throw config(
      `expected projection "${projection.name}" to be a fold for the Redis store, got "${projection.shape}"; bind it to PostgreSQL`,
    )
  if ((projection.lookup.text?.length ?? 0) > 0)
    throw config(
      `expected projection "${projection.name}" without text lookup for the Redis store, got one; bind it to a store that searches words`,
    )
}

function config(message: string): TailraceError {
  return new TailraceError('CONFIG', message)
}
