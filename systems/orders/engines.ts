import { clickhouse } from '@tailrace/clickhouse'
import { elasticsearch } from '@tailrace/elasticsearch'
import { kafka } from '@tailrace/kafka'
import { redis } from '@tailrace/redis'
import type { Bus } from 'tailrace'
import type { ReadStore } from 'tailrace/adapter'

// Engines of their own for parts of the order system, by environment variables: each alone or all at once. What is not named
// stays where it is without them, and nobody who asks a question notices the difference.

export interface Engines {
  /** By projection. Those that are missing stay in the stores that need no engine. */
  readonly stores: Readonly<Record<string, ReadStore>>
  /** undefined: workers read the log itself. */
  readonly bus: Bus | undefined
  /** What is where, one line each. */
  readonly lines: readonly string[]
}

export const noEngines: Engines = { stores: {}, bus: undefined, lines: [] }

export const enginesUsage = `SEARCH_URL (OpenSearch or Elasticsearch: search), REDIS_URL (status), CLICKHOUSE_URL (counters),
KAFKA_BROKERS (bus: host:port,host:port), KAFKA_DURABILITY (replicated, or single for one broker),
ENGINE_PREFIX (orders: begins the names of everything that is made in an engine)`

type Env = Readonly<Record<string, string | undefined>>

/** Reads the environment. Connects to nothing. Throws an error that says what was expected. */
export function enginesFromEnv(env: Env): Engines {
  const prefix = prefixOf(env)
  const stores: Record<string, ReadStore> = {}
  const lines: string[] = []
  const place = (
    url: URL,
    what: string,
    projections: readonly string[],
    store: ReadStore,
  ): void => {
    for (const name of projections) stores[name] = store
    lines.push(`${what} in ${store.name} at ${url.host}`)
  }
  const search = urlOf(env, 'SEARCH_URL', ['http:', 'https:'])
  if (search !== undefined)
    place(
      search,
      'search',
      ['order-document', 'seller-order'],
      elasticsearch({ url: search.href, prefix }),
    )
  const status = urlOf(env, 'REDIS_URL', ['redis:', 'rediss:'])
  if (status !== undefined)
    place(status, 'status', ['order-status'], redis({ url: status.href, prefix }))
  const counters = urlOf(env, 'CLICKHOUSE_URL', ['http:', 'https:'])
  if (counters !== undefined) {
    const database = prefix.replaceAll('-', '_')
    place(counters, 'counters', ['operations'], clickhouse({ url: counters.href, database }))
  }
  const bus = busOf(env, prefix)
  if (bus !== undefined) lines.push(`events over ${bus.name} at ${env['KAFKA_BROKERS']}`)
  return { stores, bus, lines }
}

function busOf(env: Env, prefix: string): Bus | undefined {
  const brokers = env['KAFKA_BROKERS'] || undefined
  const durability = env['KAFKA_DURABILITY'] || 'replicated'
  if (durability !== 'replicated' && durability !== 'single')
    throw new Error(`expected KAFKA_DURABILITY to be replicated or single, got "${durability}"`)
  if (brokers === undefined) return undefined
  const list = brokers.split(',').map((one) => one.trim())
  if (!list.every((one) => /^[^\s:]+:\d{1,5}$/.test(one)))
    throw new Error(`expected KAFKA_BROKERS to be host:port,host:port, got "${brokers}"`)
  return kafka({ brokers: list, topic: `${prefix}-events`, durability })
}

function urlOf(env: Env, name: string, protocols: readonly string[]): URL | undefined {
  const text = env[name] || undefined
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && protocols.includes(url.protocol) && url.host !== '') return url
  // It may hold a password, so it is not repeated.
  throw new Error(
    `expected ${name} to be a URL that begins with ${protocols.map((one) => `${one}//`).join(' or ')}, got another text`,
  )
}

function prefixOf(env: Env): string {
  const prefix = env['ENGINE_PREFIX'] || 'orders'
  if (/^[a-z][a-z0-9-]{0,40}$/.test(prefix)) return prefix
  throw new Error(
    `expected ENGINE_PREFIX to be up to 41 lower-case letters, digits and dashes, a letter first, got "${prefix}"`,
  )
}
