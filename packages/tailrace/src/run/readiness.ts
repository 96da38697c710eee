import { isTailraceError, TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { within } from '../read/within.ts'

export interface NeededServer {
  /** As the message of a failure calls it: no address. */
  readonly name: string
  ping(): Promise<void>
}

// Probes give up after a second as a rule, and must hear the reason before they do.
const answerMs = 800
// A question on a connection that hangs is given up for lost, so that a server that is back is found again.
const forgottenAfterMs = 30_000

/**
 * Whether the servers that a process needs answer. Each is asked one question at a time: who asks while one is under way
 * waits for that one, so probes of a server that hangs do not pile up on its connections.
 */
export class Readiness {
  readonly #clock: Clock
  readonly #servers: readonly NeededServer[]
  readonly #underWay = new Map<NeededServer, { readonly at: number; answer: Promise<void> }>()

  constructor(clock: Clock, servers: readonly NeededServer[]) {
    this.#clock = clock
    this.#servers = servers
  }

  /**
   * Throws `UNAVAILABLE` within a second when a server does not answer. The message names it and repeats nothing that it or
   * its driver said, which is in the cause.
   */
  async check(): Promise<void> {
    const failures = await Promise.all(this.#servers.map((server) => this.#failureOf(server)))
    const found = failures.filter((failure) => failure !== undefined)
    if (found.length === 0) return
    throw new TailraceError(
      'UNAVAILABLE',
      `expected every server that is needed to answer, got ${found.map(({ text }) => text).join(' and ')}; see that it runs and can be reached`,
      { cause: found[0]!.error, retryable: true },
    )
  }

  async #failureOf(
    server: NeededServer,
  ): Promise<{ readonly text: string; readonly error: unknown } | undefined> {
    let answered = false
    const answer = this.#ask(server).finally(() => (answered = true))
    try {
      await within(this.#clock, answerMs, server.name, answer)
      return undefined
    } catch (error) {
      const closed = isTailraceError(error) && error.code === 'ADAPTER_CLOSED'
      const what = closed ? 'a closed one' : answered ? 'an error' : `nothing in ${answerMs} ms`
      return { text: `${what} from ${server.name}`, error }
    }
  }

  #ask(server: NeededServer): Promise<void> {
    const now = this.#clock.monotonic()
    const earlier = this.#underWay.get(server)
    if (earlier !== undefined && now - earlier.at < forgottenAfterMs) return earlier.answer
    const question = { at: now, answer: Promise.resolve() }
    question.answer = server.ping().finally(() => {
      if (this.#underWay.get(server) === question) this.#underWay.delete(server)
    })
    this.#underWay.set(server, question)
    return question.answer
  }
}
