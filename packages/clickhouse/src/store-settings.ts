import { TailraceError } from 'tailrace/adapter'
import type { ReplicationOptions, TableOptions } from './table-options.ts'

export interface ClickHouseOptions {
  /** `http://host:8123` or `https://…`; may hold user, password and database. */
  readonly url: string
  /** Where the tables live, of this store alone; made when it is missing. Default: that of the URL, else `tailrace`. */
  readonly database?: string
  readonly user?: string
  readonly password?: string
  /** How the tables are laid out, by projection. */
  readonly tables?: Readonly<Record<string, TableOptions>>
  /** Tables with `Replicated…` engines. Default: false. */
  readonly replicated?: boolean | ReplicationOptions
  /** Connections for projections and for queries. Default: 4 and 8. */
  readonly connections?: { readonly work?: number; readonly read?: number }
  /** A request that takes longer is given up; its batch is looked for and repeated. Default: 30,000. */
  readonly requestTimeoutMs?: number
  /** What one query may use. */
  readonly queryLimits?: Partial<QueryLimits>
  /** Near the head of the log, a projection writes at most this often: each write makes parts that the server must merge. Default: 100. */
  readonly paceMs?: number
}

export interface QueryLimits {
  /** Default: 5. */
  readonly seconds: number
  /** Default: 1 GiB. */
  readonly memoryBytes: number
  /** More rows are an error, not a cut. Default: 100,000. */
  readonly resultRows: number
}

export interface StoreSettings {
  readonly url: string
  readonly database: string
  readonly user: string | undefined
  readonly password: string | undefined
  readonly tables: Readonly<Record<string, TableOptions>>
  readonly replication: ReplicationOptions | undefined
  readonly connections: { readonly work: number; readonly read: number }
  readonly requestTimeoutMs: number
  readonly queryLimits: QueryLimits
  readonly paceMs: number
}

/** The options with their defaults. Throws `CONFIG`. */
export function storeSettings(options: ClickHouseOptions): StoreSettings {
  const { connections, queryLimits, replicated } = options
  const { url, named } = parseUrl(options.url)
  const settings: StoreSettings = {
    url,
    database: options.database ?? named ?? 'tailrace',
    user: options.user,
    password: options.password,
    tables: options.tables ?? {},
    replication: replicated === true ? {} : replicated === false ? undefined : replicated,
    connections: {
      work: whole('connections.work', connections?.work ?? 4, 1),
      read: whole('connections.read', connections?.read ?? 8, 1),
    },
    requestTimeoutMs: whole('requestTimeoutMs', options.requestTimeoutMs ?? 30_000, 100),
    queryLimits: {
      seconds: whole('queryLimits.seconds', queryLimits?.seconds ?? 5, 1),
      memoryBytes: whole('queryLimits.memoryBytes', queryLimits?.memoryBytes ?? 1024 ** 3, 1024),
      resultRows: whole('queryLimits.resultRows', queryLimits?.resultRows ?? 100_000, 1_100),
    },
    paceMs: whole('paceMs', options.paceMs ?? 100, 0),
  }
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,60}$/.test(settings.database))
    throw config(`a database named [A-Za-z_][A-Za-z0-9_]{0,60}, got "${settings.database}"`)
  return settings
}

function parseUrl(text: string): { readonly url: string; readonly named: string | undefined } {
  const url = URL.canParse(text) ? new URL(text) : undefined
  // The URL may hold a password.
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw config('url to be http://host:port or https://host:port, got something else')
  const named = url.pathname.slice(1)
  url.pathname = ''
  return { url: url.href, named: named === '' ? undefined : named }
}

function whole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw config(`${name} to be an integer from ${least}, got ${value}`)
}

function config(text: string): TailraceError {
  return new TailraceError('CONFIG', `expected clickhouse() with ${text}`)
}
