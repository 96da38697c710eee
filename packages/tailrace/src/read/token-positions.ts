import { TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventLog } from '../ports/event-log.ts'
import { historyText } from '../project/inspect-version.ts'
import { DeadlineQueue, type Deadline } from './deadline-queue.ts'
import type { HeadWatch } from './head-watch.ts'
import { decodeToken, type Token } from './token.ts'
import { within } from './within.ts'

/** Where a token's holder is: a position to be visible, or not known in time. */
export interface TokenPlace {
  readonly position: bigint | 'pending'
  readonly slots: readonly number[]
}

type Resolution = bigint | 'pending' | undefined

interface Question {
  readonly xid: string
  readonly name: string
  readonly answers: Set<(resolution: Resolution) => void>
}

const questionsPerAsk = 1_000
const askAgainMs = 5
const failedAgainMs = 100
const answerMs = 2_000
const atOnceMs = 250
const rememberedMax = 50_000

/**
 * Turns tokens into positions. Transaction ids are asked of the log once, many in one question, and remembered; a query waits for
 * the answer no longer than its deadline. Bounded by the queries that may wait.
 */
export class TokenPositions {
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #head: HeadWatch
  readonly #deadlines: DeadlineQueue
  /** By the name of a transaction: see `#nameOf`. */
  readonly #remembered = new Map<string, bigint>()
  readonly #open = new Map<string, Question>()
  readonly #max: number
  #asking = false
  #askers = 0

  constructor(options: {
    readonly log: EventLog
    readonly clock: Clock
    readonly head: HeadWatch
    readonly maxWaiters?: number | undefined
  }) {
    this.#log = options.log
    this.#clock = options.clock
    this.#head = options.head
    this.#max = options.maxWaiters ?? 10_000
    this.#deadlines = new DeadlineQueue(options.clock)
  }

  /** Throws `INVALID_TOKEN`, `TOKEN_OF_ANOTHER_HISTORY`, `TOO_MANY_WAITERS`. */
  async placeOf(text: string, deadline: number): Promise<TokenPlace> {
    const token = decodeToken(text)
    await this.#checkHistory(token)
    if (token.kind === 'position')
      return { position: await this.#checkedPosition(token.value), slots: token.slots }
    const xid = token.value.toString()
    const position = await this.resolve(xid, deadline)
    if (position === undefined) throw anotherHistory(`a transaction that this log does not have`)
    // It wrote no event itself, but its holder carries it in the place of what they wrote before.
    const place = position === 0n ? await this.#allBefore(xid, deadline) : position
    return { position: place, slots: token.slots }
  }

  /** The highest position of a transaction: 0 when it wrote no events, 'pending' when not known by the deadline (one that has passed still gets one question), undefined when it is not of this log. */
  async resolve(xid: string, deadline: number): Promise<Resolution> {
    const name = this.#nameOf(xid)
    const known = this.#remembered.get(name)
    if (known !== undefined) return known
    if (deadline <= this.#clock.monotonic()) return this.#askAtOnce(xid, name)
    if (this.#askers >= this.#max) {
      throw new TailraceError(
        'TOO_MANY_WAITERS',
        `expected at most ${this.#max} tokens to be resolved at once, got one more; retry later`,
        { retryable: true },
      )
    }
    return new Promise((settle) => {
      const question = this.#open.get(name) ?? { xid, name, answers: new Set() }
      this.#open.set(name, question)
      this.#askers++
      let expiry: Deadline | undefined
      const answer = (resolution: Resolution): void => {
        if (expiry !== undefined) this.#deadlines.cancel(expiry)
        question.answers.delete(answer)
        if (question.answers.size === 0) this.#open.delete(name)
        this.#askers--
        settle(resolution)
      }
      question.answers.add(answer)
      expiry = this.#deadlines.add(deadline, () => answer('pending'))
      if (!this.#asking) void this.#ask()
    })
  }

  /** A restored database gives its transaction ids again: one names a transaction of one history only. */
  #nameOf(xid: string): string {
    return `${historyText(this.#head.identity)}/${xid}`
  }

  /** The position of everything that was committed before this call; 'pending' when some of it has none by the deadline. */
  async #allBefore(xid: string, deadline: number): Promise<bigint | 'pending'> {
    const name = `before ${this.#nameOf(xid)}`
    const known = this.#remembered.get(name)
    if (known !== undefined) return known
    for (let since: number | undefined; ;) {
      if (!(await this.#head.look())) return 'pending'
      const { position, unsequenced, oldestUnsequencedAtMs = 0, nowMs } = this.#head.seen!
      since ??= nowMs
      if (unsequenced === 0 || oldestUnsequencedAtMs > since) {
        this.#remember(name, position)
        return position
      }
      const leftMs = deadline - this.#clock.monotonic()
      if (leftMs <= 0) return 'pending'
      await this.#clock.sleep(Math.min(askAgainMs, leftMs))
    }
  }

  /** For those who do not wait: one question, and what is not known by then is pending. */
  async #askAtOnce(xid: string, name: string): Promise<Resolution> {
    try {
      const [resolution] = await within(
        this.#clock,
        atOnceMs,
        'the event log',
        this.#log.resolve([xid]),
      )
      if (typeof resolution === 'bigint') this.#remember(name, resolution)
      return resolution
    } catch {
      return 'pending'
    }
  }

  async #checkHistory(token: Token): Promise<void> {
    const matches = (): boolean =>
      token.systemId === this.#head.identity.systemId && token.epoch === this.#head.identity.epoch
    if (matches()) return
    // A failover that this process has not seen yet.
    if (token.systemId === this.#head.identity.systemId && token.epoch > this.#head.identity.epoch)
      await this.#head.look()
    if (!matches()) throw anotherHistory(`one of ${token.systemId}/${token.epoch}`)
  }

  /** Beyond the head is another history, once a look that began now says so. A log that does not answer cannot say it. */
  async #checkedPosition(position: bigint): Promise<bigint> {
    const inLog = (): boolean => position <= (this.#head.seen?.position ?? 0n)
    if (inLog()) return position
    const answered = await this.#head.look()
    if (answered && !inLog())
      throw anotherHistory(`position ${position}, beyond the head ${this.#head.seen!.position}`)
    return position
  }

  async #ask(): Promise<void> {
    this.#asking = true
    // Lets the queries of one turn share a question.
    await Promise.resolve()
    while (this.#open.size > 0) {
      const questions = [...this.#open.values()].slice(0, questionsPerAsk)
      const pause = await this.#askOnce(questions)
      if (pause > 0 && this.#open.size > 0) await this.#clock.sleep(pause)
    }
    this.#asking = false
  }

  /** How long to wait before the next question. */
  async #askOnce(questions: readonly Question[]): Promise<number> {
    let answers: readonly Resolution[]
    try {
      answers = await within(
        this.#clock,
        answerMs,
        'the event log',
        this.#log.resolve(questions.map((question) => question.xid)),
      )
    } catch {
      return failedAgainMs
    }
    let pending = false
    questions.forEach(({ name, answers: askers }, i) => {
      const resolution = answers[i]
      if (resolution === 'pending') {
        pending = true
        return
      }
      if (resolution !== undefined) this.#remember(name, resolution)
      for (const answer of askers) answer(resolution)
    })
    return pending ? askAgainMs : 0
  }

  #remember(name: string, position: bigint): void {
    this.#remembered.set(name, position)
    if (this.#remembered.size <= rememberedMax) return
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest)
      break
    }
  }
}

function anotherHistory(what: string): TailraceError {
  return new TailraceError(
    'TOKEN_OF_ANOTHER_HISTORY',
    `expected a token of this log, got ${what}; read again without it`,
  )
}
