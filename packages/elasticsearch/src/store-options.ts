import { TailraceError } from 'tailrace/adapter'
import type { SliceOptions } from './slice-calendar.ts'

export interface ElasticsearchOptions {
  /** `http(s)://host:port`, of a node or of what balances several. */
  readonly url: string
  /** How to sign in. Default: the name and password in the URL, or none. */
  readonly auth?:
    | { readonly username: string; readonly password: string }
    | { readonly apiKey: string }
  /** Begins the names of all indices and aliases: lower-case letters, digits and dashes. Default: `tailrace`. */
  readonly prefix?: string
  /** Primary shards of each index. Default: 1. */
  readonly shards?: number
  /** Copies of each shard on other nodes. Default: one where there is a second node. */
  readonly replicas?: number
  /** How long a written document may wait for a search to see it while nobody asks for it. Default: 1,000. */
  readonly refreshIntervalMs?: number
  /** For each request. Default: 30,000. */
  readonly timeoutMs?: number
  /** How long the engine may work on a search of a query. Default: 10,000. */
  readonly searchTimeoutMs?: number
  /** What one request body may hold of documents, bytes. Default: 5 MiB. */
  readonly bulkBytes?: number
  /** What an answer may hold, bytes. Default: 64 MiB. */
  readonly answerBytes?: number
  /** How long a deletion is remembered, against writers that were paused. Default: 24 hours. */
  readonly tombstoneMs?: number
  /** Projections kept in an index per week or day, by name: what is too old is dropped with its index. */
  readonly slices?: Readonly<Record<string, SliceOptions>>
}

/** Options with everything decided. */
export interface StoreSettings {
  /** Without credentials, and without a slash at the end. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly prefix: string
  readonly shards: number
  readonly replicas: number | undefined
  readonly refreshIntervalMs: number
  readonly timeoutMs: number
  readonly searchTimeoutMs: number
  readonly bulkBytes: number
  readonly answerBytes: number
  readonly tombstoneMs: number
  readonly slices: Readonly<Record<string, SliceOptions>>
}

/** Throws `CONFIG`. */
export function storeSettings(options: ElasticsearchOptions): StoreSettings {
  const url = parsedUrl(options.url)
  const prefix = options.prefix ?? 'tailrace'
  if (!/^[a-z0-9][a-z0-9-]{0,60}$/.test(prefix))
    throw config('prefix', 'lower-case letters, digits and dashes', prefix)
  return {
    url: `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
    headers: authHeaders(options, url),
    prefix,
    shards: whole('shards', options.shards ?? 1, 1, 1_024),
    replicas:
      options.replicas === undefined ? undefined : whole('replicas', options.replicas, 0, 100),
    refreshIntervalMs: whole(
      'refreshIntervalMs',
      options.refreshIntervalMs ?? 1_000,
      10,
      3_600_000,
    ),
    timeoutMs: whole('timeoutMs', options.timeoutMs ?? 30_000, 10, 600_000),
    searchTimeoutMs: whole('searchTimeoutMs', options.searchTimeoutMs ?? 10_000, 10, 600_000),
    bulkBytes: whole('bulkBytes', options.bulkBytes ?? 5 * 1024 ** 2, 1_024, 90 * 1024 ** 2),
    answerBytes: whole(
      'answerBytes',
      options.answerBytes ?? 64 * 1024 ** 2,
      65_536,
      512 * 1024 ** 2,
    ),
    tombstoneMs: whole(
      'tombstoneMs',
      options.tombstoneMs ?? 86_400_000,
      0,
      Number.MAX_SAFE_INTEGER,
    ),
    slices: options.slices ?? {},
  }
}

function parsedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  // The text may hold a password.
  throw config('url', 'http://host:port or https://host:port', url?.protocol ?? 'no URL')
}

function authHeaders(options: ElasticsearchOptions, url: URL): Record<string, string> {
  const { auth } = options
  if (auth !== undefined && 'apiKey' in auth) return { authorization: `ApiKey ${auth.apiKey}` }
  const { username, password } = auth ?? {
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  }
  if (username === '') return {}
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
}

function whole(name: string, value: number, from: number, to: number): number {
  if (Number.isSafeInteger(value) && value >= from && value <= to) return value
  throw config(name, `an integer from ${from} to ${to}`, String(value))
}

function config(name: string, expected: string, got: string): TailraceError {
  return new TailraceError(
    'CONFIG',
    `expected ${name} of the Elasticsearch store to be ${expected}, got ${got}`,
  )
}
