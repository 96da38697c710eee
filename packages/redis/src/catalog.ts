import { TailraceError, type LiveVersion } from 'tailrace/adapter'
import type { RedisConnection } from './connection.ts'
import { dropKeys } from './drop-keys.ts'
import { projectionNames, type ProjectionNames } from './key-names.ts'
import { script } from './script.ts'

/** Own argument: the version, what it must look like. The answer: incarnation and what it looks like. */
const openScript = script(`#!lua
local known = redis.call('HGET', KEYS[1], 'v' .. ARGV[1])
if not known then
  known = redis.call('HINCRBY', KEYS[1], 'incarnations', 1) .. ' ' .. ARGV[2]
  redis.call('HSET', KEYS[1], 'v' .. ARGV[1], known, 'd' .. ARGV[1], ARGV[3])
end
return { known, redis.call('HGET', KEYS[1], 'd' .. ARGV[1]) or '' }
`)

/** Own arguments: the version, and the one that it takes the place of; `none`: of none; empty: of any. */
const switchScript = script(`#!lua
if redis.call('HEXISTS', KEYS[1], 'v' .. ARGV[1]) == 0 then return 'unknown' end
if ARGV[2] ~= '' and (redis.call('HGET', KEYS[1], 'live') or 'none') ~= ARGV[2] then return 'other' end
redis.call('HSET', KEYS[1], 'live', ARGV[1])
return 'ok'
`)

/** Takes a version out of the catalog, so that nobody writes to it any more, and notes what is left to do. Allowed in a full store: it leads to room. */
const dropScript = script(`#!lua flags=allow-oom
if redis.call('HGET', KEYS[1], 'live') == ARGV[1] then return 'live' end
local known = redis.call('HGET', KEYS[1], 'v' .. ARGV[1])
if known then
  redis.call('HSET', KEYS[1], 'x' .. string.match(known, '^%d+'), ARGV[1])
  redis.call('HDEL', KEYS[1], 'v' .. ARGV[1], 'd' .. ARGV[1])
end
return 'ok'
`)

/** The versions of projections: which exist, which one is read, which are being dropped. */
export class Catalog {
  readonly #connection: RedisConnection
  readonly #prefix: string

  constructor(connection: RedisConnection, prefix: string) {
    this.#connection = connection
    this.#prefix = prefix
  }

  names(projection: string): ProjectionNames {
    return projectionNames(this.#prefix, projection)
  }

  /** Makes a version if it is missing. Gives its incarnation. Throws `CONFIG` when it was made for another shape. */
  async open(
    projection: string,
    version: number,
    { shape, outline }: { readonly shape: string; readonly outline: string },
  ): Promise<string> {
    const { catalog } = this.names(projection)
    const args = [String(version), shape, outline]
    const [known, made] = (await this.#connection.script(openScript, [catalog], args)) as [
      string,
      string,
    ]
    const space = known.indexOf(' ')
    if (known.slice(space + 1) !== shape) {
      throw new TailraceError(
        'CONFIG',
        `expected version ${version} of projection "${projection}" to have the lookups ${known.slice(space + 1)} that it was made with, got ${shape}; count its version up`,
      )
    }
    if (made !== '' && outline !== '' && made !== outline) {
      throw new TailraceError(
        'CONFIG',
        `expected version ${version} of projection "${projection}" to have the documents that this code declares, got others; a change of documents needs a higher version`,
        { details: { declared: outline, found: made } },
      )
    }
    return known.slice(0, space)
  }

  async live(projection: string): Promise<number | undefined> {
    const found = await this.#connection.run(['HGET', this.names(projection).catalog, 'live'])
    return found === null ? undefined : Number(found)
  }

  /** Throws `CONFIG` when there is no such version. */
  async switchTo(projection: string, version: number, from?: LiveVersion): Promise<boolean> {
    const { catalog } = this.names(projection)
    const args = [String(version), String(from ?? '')]
    const answer = await this.#connection.script(switchScript, [catalog], args)
    if (answer !== 'unknown') return answer === 'ok'
    throw new TailraceError(
      'CONFIG',
      `expected a version of "${projection}" that exists, got ${version}; open it first`,
    )
  }

  /** With those whose dropping was interrupted. */
  async versions(projection: string): Promise<number[]> {
    const fields = await this.#fields(projection)
    const found = fields.flatMap(([field, value]) => {
      if (/^v\d+$/.test(field)) return [Number(field.slice(1))]
      return /^x\d+$/.test(field) ? [Number(value)] : []
    })
    return [...new Set(found)].toSorted((a, b) => a - b)
  }

  /** Drops a version in bounded steps, and what is left of those whose dropping was interrupted. Throws `CONFIG` for the live one. */
  async drop(projection: string, version: number): Promise<void> {
    const { catalog } = this.names(projection)
    const answer = await this.#connection.script(dropScript, [catalog], [String(version)])
    if (answer === 'live') {
      throw new TailraceError(
        'CONFIG',
        `expected a version of "${projection}" that no query reads, got the live version ${version}; switch first`,
      )
    }
    for (const [field, value] of await this.#fields(projection)) {
      if (!/^x\d+$/.test(field)) continue
      const names = this.names(projection).version(Number(value), field.slice(1))
      await dropKeys(this.#connection, names)
      await this.#connection.run(['HDEL', catalog, field])
    }
  }

  async #fields(projection: string): Promise<[string, string][]> {
    const found = (await this.#connection.run([
      'HGETALL',
      this.names(projection).catalog,
    ])) as string[]
    return Array.from({ length: found.length / 2 }, (_, i) => [found[2 * i]!, found[2 * i + 1]!])
  }
}
