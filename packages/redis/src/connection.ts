import { RedisLink, type Argument, type Command, type LinkOptions } from './redis-link.ts'
import type { Script } from './script.ts'
import { firstWord, isAnswer, reasonOf, storeError } from './store-error.ts'

/** Nodes that a call is sent on to, when a cluster changes while it is asked. */
const hopsMax = 5

/**
 * The way to a server, or to the nodes of a cluster: a node that does not keep a projection says which one does. A call that
 * fails has the code `UNAVAILABLE`, and whether it was done is then unknown.
 */
export class RedisConnection {
  readonly #options: LinkOptions
  readonly #links = new Map<string, RedisLink>()
  /** Addresses by hash tag, where it is not the first node. */
  readonly #moved = new Map<string, string>()
  /** The node that is asked first. */
  #first: string

  constructor(options: LinkOptions) {
    this.#options = options
    const link = new RedisLink(options)
    this.#first = link.where
    this.#links.set(link.where, link)
  }

  async run(command: Command): Promise<unknown> {
    return (await this.pipeline([command]))[0]
  }

  /** Sends commands of one projection in one go and gives their answers in order. The first error is thrown once all have answered. */
  pipeline(commands: readonly Command[]): Promise<unknown[]> {
    return this.#send(commands, commands[0]?.[1])
  }

  async script(script: Script, keys: readonly string[], args: Command): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return (await this.#send([['EVALSHA', script.hash, ...rest]], keys[0]))[0]
    } catch (error) {
      // The server was restarted or replaced: scripts are not part of its data. Nothing has run.
      if (firstWord(reasonOf(error)) !== 'NOSCRIPT') throw error
      return (await this.#send([['EVAL', script.text, ...rest]], keys[0]))[0]
    }
  }

  /** Ends the connections; calls that wait fail. May be called twice. */
  close(): void {
    for (const link of this.#links.values()) link.close()
  }

  async #send(commands: readonly Command[], key: Argument | undefined): Promise<unknown[]> {
    const tag = /\{([^}]+)\}/.exec(String(key))?.[1] ?? ''
    for (let hop = 0; ; hop++) {
      const link = this.#links.get(this.#moved.get(tag) ?? this.#first)!
      try {
        return await link.send(commands)
      } catch (error) {
        if (hop < hopsMax && this.#follow(tag, link, error)) continue
        if (!isAnswer(error)) this.#leave(tag, link)
        throw storeError(error, link.where)
      }
    }
  }

  /** Whether a node named another one, which has not done anything yet. */
  #follow(tag: string, from: RedisLink, error: unknown): boolean {
    const [, address] = /^MOVED \d+ (\S+)$/.exec(reasonOf(error)) ?? []
    if (address === undefined) return false
    const url = new URL(this.#options.url)
    const colon = address.lastIndexOf(':')
    const host = address.slice(0, colon)
    // Without a host it is another port of the node that answered.
    if (host === '') url.hostname = new URL(`redis://${from.where}`).hostname
    else url.hostname = host.includes(':') ? `[${host}]` : host
    url.port = address.slice(colon + 1)
    const link = new RedisLink({ ...this.#options, url: url.href })
    if (!this.#links.has(link.where)) this.#links.set(link.where, link)
    this.#moved.set(tag, link.where)
    return true
  }

  /** A node that is away is not asked again before another one has named it. */
  #leave(tag: string, link: RedisLink): void {
    this.#moved.delete(tag)
    if (link.where !== this.#first || this.#links.size === 1) return
    const places = [...this.#links.keys()]
    this.#first = places[(places.indexOf(link.where) + 1) % places.length]!
  }
}
