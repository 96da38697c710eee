import { decodeToken, type App, type Engine, type Token } from 'tailrace/adapter'
import type { Identity, Inbound, Reply } from './exchange.ts'
import { matchesNone } from './request-headers.ts'

type Query = App['queries'][string]

interface Cached {
  /** Served as it is: a server may add to its headers what is the same each time. */
  readonly reply: Reply
  /** What the answer has seen. */
  readonly seen: Token
  /** The projections that it read, and how often each had moved. */
  readonly reads: readonly (readonly [projection: Moves, moves: number])[]
  readonly until: number
}

interface Moves {
  count: number
}

const entriesMax = 500
const bodyMax = 64 * 1024

/**
 * Answers of the last moments, for queries that allow it (`eventual({ reuse })`): same words, same identity, none of their
 * read models has moved since. The position, time and lag that an answer names stay true of it. Questions with a token
 * are answered from here only when the answer has seen what the token stands for.
 */
export class AnswerCache {
  readonly #identity: Identity
  readonly #entries = new Map<string, Cached>()
  readonly #moves = new Map<string, Moves>()

  constructor(engine: Engine, identity: Identity) {
    this.#identity = identity
    if (identity.keyOf === undefined) return
    for (const query of Object.values(engine.app.queries)) {
      if (reuseMsOf(query) === 0) continue
      for (const { name } of Object.values(query.reads)) this.#moves.set(name, { count: 0 })
    }
    if (this.#moves.size === 0) return
    engine.onAdvance((projection) => {
      const moves = this.#moves.get(projection)
      if (moves !== undefined) moves.count++
    })
  }

  /** What the answer to a request may be kept under; undefined where it may not be kept at all. */
  keyOf(request: Inbound, query: Query, input: string): string | undefined {
    const { keyOf } = this.#identity
    if (keyOf === undefined || reuseMsOf(query) === 0 || request.header('prefer') !== undefined)
      return undefined
    return `${keyOf(request)}\n${query.name}\n${input}`
  }

  find(key: string, request: Inbound): Reply | undefined {
    const cached = this.#entries.get(key)
    if (cached === undefined || !isFresh(cached) || !hasSeen(cached.seen, request)) return undefined
    if (!matchesNone(request, cached.reply.headers.etag!)) return cached.reply
    const headers = { ...cached.reply.headers }
    delete headers['content-type']
    delete headers['content-length']
    return { status: 304, headers }
  }

  /** The moves of the projections of a query before it is asked: an answer is kept only when none moved meanwhile. */
  before(query: Query): Cached['reads'] {
    return Object.values(query.reads).map(({ name }) => {
      const moves = this.#moves.get(name)!
      return [moves, moves.count]
    })
  }

  keep(key: string, query: Query, reply: Reply, token: string, reads: Cached['reads']): void {
    if (reply.status !== 200 || reply.body === undefined || reply.body.length > bodyMax) return
    const until = performance.now() + reuseMsOf(query)
    this.#entries.delete(key)
    this.#entries.set(key, { reply, seen: decodeToken(token), reads, until })
    if (this.#entries.size <= entriesMax) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      break
    }
  }
}

function reuseMsOf({ freshness }: Query): number {
  return freshness.mode === 'eventual' ? (freshness.reuseMs ?? 0) : 0
}

function isFresh({ reads, until }: Cached): boolean {
  return performance.now() < until && reads.every(([moves, count]) => moves.count === count)
}

function hasSeen(seen: Token, request: Inbound): boolean {
  const text = request.header('consistency-token')
  if (text === undefined) return true
  if (text.includes(',')) return false
  let asked: Token
  try {
    asked = decodeToken(text)
  } catch {
    return false
  }
  return (
    asked.kind === 'position' &&
    asked.systemId === seen.systemId &&
    asked.epoch === seen.epoch &&
    asked.value <= seen.value
  )
}
