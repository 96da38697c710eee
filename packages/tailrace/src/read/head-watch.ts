import type { Clock } from '../ports/clock.ts'
import type { Behind, EventLog, LogEpoch, LogHead, LogIdentity } from '../ports/event-log.ts'
import { HangGuard } from './hang-guard.ts'
import { within } from './within.ts'

/** The head of the log as it was last seen. */
export interface SeenHead extends LogHead {
  /** When reading it began, on the monotonic clock: what came later may not be in it. */
  readonly readAt: number
  /** What was behind the positions that were asked with it. */
  readonly behind: ReadonlyMap<bigint, Behind>
  /** The last looks at this history, oldest first. */
  readonly looks: readonly PastLook[]
}

/** What an earlier look knew: everything that was committed by this time of the database had a position up to this one. */
export interface PastLook {
  readonly position: bigint
  readonly asOfMs: number
}

const answerMs = 2_000
const looksKept = 64

/** Looks at the head of the log. One look at a time, shared; a log that does not answer is remembered as it was last seen. */
export class HeadWatch {
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #positions: () => readonly bigint[]
  readonly #hanging: HangGuard
  #seen: SeenHead | undefined
  #epochs: readonly LogEpoch[] = []
  #failure: string | undefined
  #looks = 0
  #past: readonly PastLook[] = []
  #told = 0n
  #toldAt = Number.NEGATIVE_INFINITY
  #running: Promise<boolean> | undefined
  #next: Promise<boolean> | undefined

  /** `positions`: those of the projections, of which the log is asked what is behind them. */
  constructor(options: {
    readonly log: EventLog
    readonly clock: Clock
    readonly positions: () => readonly bigint[]
  }) {
    this.#log = options.log
    this.#clock = options.clock
    this.#positions = options.positions
    this.#hanging = new HangGuard(options.clock)
  }

  get seen(): SeenHead | undefined {
    return this.#seen
  }

  /** The last position known: of the last look, or that a worker of this process has read since. */
  get position(): bigint {
    const seen = this.#seen?.position ?? 0n
    return this.#told > seen ? this.#told : seen
  }

  /** A worker of this process has read up to here. */
  told(position: bigint): void {
    if (position <= this.#told) return
    this.#told = position
    this.#toldAt = this.#clock.monotonic()
  }

  /** The histories of the log; empty until one was needed. */
  get epochs(): readonly LogEpoch[] {
    return this.#epochs
  }

  get identity(): LogIdentity {
    return this.#seen ?? this.#log.identity
  }

  /** Why the last look failed; undefined when it did not. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Counts the looks that are over: what is said of the log is the same between two. */
  get looks(): number {
    return this.#looks
  }

  /** The database's time now, milliseconds since 1970, from the last look and a monotonic clock. */
  nowMs(): number {
    const seen = this.#seen
    return seen === undefined
      ? this.#clock.now()
      : seen.nowMs + (this.#clock.monotonic() - seen.readAt)
  }

  /** Looks now, in a look that begins after this call. Whether the log answered. Never throws. */
  look(): Promise<boolean> {
    if (this.#running === undefined) {
      this.#running = this.#look().finally(() => (this.#running = undefined))
      return this.#running
    }
    this.#next ??= this.#running.then(() => {
      this.#next = undefined
      return this.look()
    })
    return this.#next
  }

  /** Asks for the histories, once per epoch. Never throws. */
  async lookAtEpochs(): Promise<void> {
    if (this.#epochs.at(-1)?.epoch === this.identity.epoch) return
    try {
      this.#epochs = await within(this.#clock, answerMs, 'the event log', this.#log.epochs())
      this.#looks++
    } catch {
      // The next look asks again.
    }
  }

  async #look(): Promise<boolean> {
    if (this.#hanging.blocked()) return false
    const readAt = this.#clock.monotonic()
    try {
      const answer = await within(
        this.#clock,
        answerMs,
        'the event log',
        this.#hanging.track(this.#ask()),
      )
      const changed = this.#seen !== undefined && this.#seen.epoch !== answer.epoch
      // A restore may have shortened the log: a look that began later knows better, also before there is a new history.
      if (changed || readAt > this.#toldAt) this.#told = 0n
      if (changed) this.#past = []
      this.#past = [...this.#past, pastLook(answer)].slice(-looksKept)
      this.#seen = { ...answer, readAt, looks: this.#past }
      this.#failure = undefined
      return true
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error)
      return false
    } finally {
      this.#looks++
    }
  }

  async #ask(): Promise<Omit<SeenHead, 'readAt' | 'looks'>> {
    const head = await this.#log.head()
    const asked = [...new Set(this.#positions())].filter((position) => position < head.position)
    const answers = asked.length === 0 ? [] : await this.#log.behind(asked)
    return { ...head, behind: new Map(asked.map((position, i) => [position, answers[i]!])) }
  }
}

function pastLook({ position, nowMs, oldestUnsequencedAtMs = nowMs }: LogHead): PastLook {
  return { position, asOfMs: Math.min(nowMs, oldestUnsequencedAtMs) }
}
