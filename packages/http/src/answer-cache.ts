import { decodeToken, type Engine, type Token } from 'tailrace/adapter'
import type { Identity, Inbound, Reply } from './exchange.ts'
import { matchesNone } from './request-headers.ts'

interface Cached {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
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
 * Answers of the last moments, for questions that many ask at once: same words, same identity, no read model of theirs
 * has moved since. An answer lives for `maxAgeMs` at most, and its own position, time and lag stay true of it. Questions
 * with a token are answered from here only when the answer has seen what the token stands for.
 */
export class AnswerCache {
  readonly #identity: Identity
  readonly #maxAgeMs: number
  readonly #entries = new Map<string, Cached>()
  readonly #moves = new Map<string, Moves>()

  constructor(engine: Engine, identity: Identity, maxAgeMs: number) {
    this.#identity = identity
    this.#maxAgeMs = maxAgeMs
    if (maxAgeMs === 0 || identity.keyOf === undefined) return
    for (const name of engine.app.projections.keys()) this.#moves.set(name, { count: 0 })
    engine.onAdvance((projection) => {
      const moves = this.#moves.get(projection)
      if (moves !== undefined) moves.count++
    })
  }

  /** What the answer to a request may be kept under; undefined where it may not be kept at all. */
  keyOf(request: Inbound, name: string, input: string): string | undefined {
    if (this.#moves.size === 0 || request.header('prefer') !== undefined) return undefined
    return `${this.#identity.keyOf!(request)}\n${name}\n${input}`
  }

  find(key: string, request: Inbound): Reply | undefined {
    const cached = this.#entries.get(key)
    if (cached === undefined || !isFresh(cached) || !hasSeen(cached.seen, request)) return undefined
    const { headers, body } = cached
    if (!matchesNone(request, headers.etag!)) return { status: 200, headers: { ...headers }, body }
    const { 'content-type': _, ...rest } = headers
    return { status: 304, headers: rest }
  }

  /** The moves of the projections of a query before it is asked: an answer is kept only when none moved meanwhile. */
  before(projections: readonly string[]): Cached['reads'] {
    return projections.map((name) => {
      const moves = this.#moves.get(name)!
      return [moves, moves.count]
    })
  }

  keep(key: string, reply: Reply, token: string, reads: Cached['reads']): void {
    const { headers, body } = reply
    if (reply.status !== 200 || body === undefined || body.length > bodyMax) return
    const until = performance.now() + this.#maxAgeMs
    this.#entries.delete(key)
    this.#entries.set(key, { headers, body, seen: decodeToken(token), reads, until })
    if (this.#entries.size <= entriesMax) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      break
    }
  }
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
