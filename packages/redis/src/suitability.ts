import { TailraceError } from 'tailrace/adapter'
import type { RedisConnection } from './connection.ts'

const versionMin = '7.0'
/** How long an answer holds: settings can be changed while a server runs. */
const freshMs = 10_000

/**
 * Looks whether the server keeps what it is given: a primary, new enough, that does not evict. An evicted document would be a
 * hole that no checkpoint knows of. Throws `CONFIG`, or `UNAVAILABLE` where it may change by itself.
 */
export class Suitability {
  readonly #connection: RedisConnection
  readonly #where: string
  readonly #checkedAt = new Map<string, number>()

  constructor(connection: RedisConnection, url: string) {
    this.#connection = connection
    this.#where = URL.canParse(url) ? new URL(url).host : 'its address'
  }

  async check(key: string): Promise<void> {
    const checkedAt = this.#checkedAt.get(key) ?? Number.NEGATIVE_INFINITY
    if (performance.now() - checkedAt < freshMs) return
    await this.checkNow(key)
  }

  /** Looks at the server that keeps a key: in a cluster, naming the key leads there. */
  async checkNow(key: string): Promise<void> {
    const parts = await this.#connection.pipeline([
      ['EXISTS', key],
      ['INFO', 'server'],
      ['INFO', 'replication'],
      ['INFO', 'memory'],
    ])
    const info = infoOf(parts.map(String).join('\n'))
    const fail = (code: 'CONFIG' | 'UNAVAILABLE', text: string): never => {
      throw new TailraceError(code, `expected Redis at ${this.#where} ${text}`, {
        retryable: code === 'UNAVAILABLE',
      })
    }
    const version = info.get('redis_version') ?? 'no version'
    if (!isAtLeast(version, versionMin))
      fail('CONFIG', `to be version ${versionMin} or later, got ${version}`)
    if (info.get('role') === 'slave')
      fail('UNAVAILABLE', 'to be the primary, got a replica; give the address of the primary')
    const policy = info.get('maxmemory_policy') ?? ''
    if (policy.startsWith('allkeys-'))
      fail(
        'CONFIG',
        `to keep what it is given, got maxmemory-policy ${policy}, which drops documents that nobody would miss; set noeviction, and rebuild if maxmemory was reached`,
      )
    this.#checkedAt.set(key, performance.now())
  }
}

function infoOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const colon = line.indexOf(':')
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]]
    }),
  )
}

function isAtLeast(version: string, wanted: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [majorMin = 0, minorMin = 0] = wanted.split('.').map(Number)
  return major > majorMin || (major === majorMin && minor >= minorMin)
}
