import type { Clock } from '../ports/clock.ts'
import type { EventLog, LogPage, LogRead } from '../ports/event-log.ts'
import { slotCount } from '../log/slot.ts'
import { EventWindow } from './event-window.ts'

/** Events read at once. */
const fetchMax = 1_000
/** After nothing was found, the next look is this far away unless someone is woken. */
const quietMs = 2

/** Where the projections of a process get their pages: the end of the log, read once for all of them. */
export interface Tail extends Pick<EventLog, 'read'> {
  /** Says that the log has grown. A hint. */
  wake(): void
}

/**
 * The end of the log, read once for all projections of a process. Who is close to the head is served from memory; who is
 * further behind, or asks before anything is known, reads by itself.
 */
export class LogTail implements Tail {
  readonly #log: Pick<EventLog, 'read' | 'identity'>
  readonly #types: readonly string[]
  readonly #clock: Clock
  readonly #window = new EventWindow()
  #fetching: Promise<void> | undefined
  #quietUntil = Number.NEGATIVE_INFINITY
  #wakes = 0
  #epoch: number

  constructor(log: Pick<EventLog, 'read' | 'identity'>, types: readonly string[], clock: Clock) {
    this.#log = log
    this.#types = types
    this.#clock = clock
    this.#epoch = log.identity.epoch
  }

  wake(): void {
    this.#wakes++
    this.#quietUntil = Number.NEGATIVE_INFINITY
  }

  async read(options: LogRead): Promise<LogPage> {
    const { after } = options
    this.#forgetLostHistory()
    if (!this.#window.covers(after)) return this.#readBehind(options)
    if (after === this.#window.end) await this.#grow(after)
    // Others may have moved it on meanwhile, or an error have emptied it.
    return this.#window.covers(after) ? this.#window.page(options) : this.#readBehind(options)
  }

  /** A restore may come and go without a call that fails: what is remembered of the end that it lost must not be served. */
  #forgetLostHistory(): void {
    const { epoch } = this.#log.identity
    if (epoch === this.#epoch) return
    this.#epoch = epoch
    this.#window.clear()
  }

  async #readBehind(options: LogRead): Promise<LogPage> {
    const page = await this.#log.read(options)
    const atHead = page.through - options.after < BigInt(options.limit)
    const { end } = this.#window
    if (atHead && (end === undefined || page.through > end)) this.#window.startAt(page.through)
    return page
  }

  /** Looks beyond `end` once. What is under way may have begun too early to see what the caller was woken for. */
  async #grow(end: bigint): Promise<void> {
    const earlier = this.#fetching
    if (earlier !== undefined) {
      await earlier
      if (this.#window.end !== end) return
    }
    if (this.#clock.monotonic() < this.#quietUntil) return
    this.#fetching ??= this.#fetch(end).finally(() => {
      this.#fetching = undefined
    })
    await this.#fetching
  }

  async #fetch(after: bigint): Promise<void> {
    const wakes = this.#wakes
    try {
      const page = await this.#log.read({
        after,
        slots: [{ from: 0, to: slotCount - 1 }],
        limit: fetchMax,
        types: this.#types,
      })
      if (this.#window.end !== after) return
      // Who was woken meanwhile was woken for something that this read may have begun too early to see.
      if (page.through === after && wakes === this.#wakes)
        this.#quietUntil = this.#clock.monotonic() + quietMs
      this.#window.extend(page.events, page.through)
    } catch (error) {
      // Whatever happened to the log: what is remembered may not be its past any more.
      this.#window.clear()
      throw error
    }
  }
}
