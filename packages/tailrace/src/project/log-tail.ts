import type { Clock } from '../ports/clock.ts'
import type { EventLog, LogPage, LogRead, RecordedEvent } from '../ports/event-log.ts'
import { slotCount } from '../log/slot.ts'

/** Events kept for those who are a little behind, and read at once. */
const eventsMax = 4_000
const fetchMax = 1_000
/** After nothing was found, the next look is this far away unless someone is woken. */
const quietMs = 2

/**
 * The end of the log, read once for all projections of a process. Who is close to the head is served from memory; who is
 * further behind, or asks before anything is known, reads by itself.
 */
export class LogTail implements Pick<EventLog, 'read'> {
  readonly #log: Pick<EventLog, 'read'>
  readonly #types: readonly string[]
  readonly #clock: Clock
  /** Everything of `types` in (#start, #end], in order. */
  #events: RecordedEvent[] = []
  #start = 0n
  #end: bigint | undefined
  #fetching: Promise<void> | undefined
  #quietUntil = Number.NEGATIVE_INFINITY

  constructor(log: Pick<EventLog, 'read'>, types: readonly string[], clock: Clock) {
    this.#log = log
    this.#types = types
    this.#clock = clock
  }

  /** Says that the log has grown. */
  wake(): void {
    this.#quietUntil = Number.NEGATIVE_INFINITY
  }

  async read(options: LogRead): Promise<LogPage> {
    const { after } = options
    if (this.#end === undefined || after < this.#start || after > this.#end)
      return this.#readBehind(options)
    if (after === this.#end) await this.#grow(after)
    // Others may have moved it on meanwhile, or an error have emptied it.
    if (this.#end === undefined || after < this.#start) return this.#readBehind(options)
    return this.#serve(options)
  }

  async #readBehind(options: LogRead): Promise<LogPage> {
    const page = await this.#log.read(options)
    const atHead = page.through - options.after < BigInt(options.limit)
    if (atHead && (this.#end === undefined || page.through > this.#end)) this.#startAt(page.through)
    return page
  }

  #startAt(position: bigint): void {
    this.#events = []
    this.#start = position
    this.#end = position
  }

  /** Looks beyond `end` once. What is under way may have begun too early to see what the caller was woken for. */
  async #grow(end: bigint): Promise<void> {
    const earlier = this.#fetching
    if (earlier !== undefined) {
      await earlier
      if (this.#end !== end) return
    }
    if (this.#clock.monotonic() < this.#quietUntil) return
    this.#fetching ??= this.#fetch(end).finally(() => {
      this.#fetching = undefined
    })
    await this.#fetching
  }

  async #fetch(after: bigint): Promise<void> {
    try {
      const page = await this.#log.read({
        after,
        slots: [{ from: 0, to: slotCount - 1 }],
        limit: fetchMax,
        types: this.#types,
      })
      if (this.#end !== after) return
      if (page.through === after) this.#quietUntil = this.#clock.monotonic() + quietMs
      this.#events.push(...page.events)
      this.#end = page.through
      this.#trim()
    } catch (error) {
      // Whatever happened to the log: what is remembered may not be its past any more.
      this.#events = []
      this.#end = undefined
      throw error
    }
  }

  #trim(): void {
    if (this.#events.length <= eventsMax) return
    const dropped = this.#events.length - eventsMax / 2
    this.#start = this.#events[dropped - 1]!.position
    this.#events = this.#events.slice(dropped)
  }

  #serve({ after, slots, limit, types }: LogRead): LogPage {
    const events: RecordedEvent[] = []
    for (let i = this.#firstAfter(after); i < this.#events.length; i++) {
      const event = this.#events[i]!
      if (types?.includes(event.type) === false) continue
      if (!slots.some((range) => event.slot >= range.from && event.slot <= range.to)) continue
      events.push(event)
      if (events.length === limit) return { events, through: event.position }
    }
    return { events, through: this.#end! }
  }

  #firstAfter(position: bigint): number {
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#events[middle]!.position <= position) low = middle + 1
      else high = middle
    }
    return low
  }
}
