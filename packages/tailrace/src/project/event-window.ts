import type { LogPage, LogRead, RecordedEvent } from '../ports/event-log.ts'

/** Events kept for those who are a little behind. */
const eventsMax = 4_000

/** The end of the log in memory, bounded: every event of some types between two positions. */
export class EventWindow {
  /** Everything of the wanted types in (#start, #end], in order. */
  #events: RecordedEvent[] = []
  #start = 0n
  #end: bigint | undefined

  /** How far it is known; undefined before `startAt` and after `clear`. */
  get end(): bigint | undefined {
    return this.#end
  }

  /** Whether all that comes after this position, up to `end`, is here. */
  covers(after: bigint): boolean {
    return this.#end !== undefined && after >= this.#start && after <= this.#end
  }

  /** Begins anew, empty. */
  startAt(position: bigint): void {
    this.#events = []
    this.#start = position
    this.#end = position
  }

  /** Forgets everything. */
  clear(): void {
    this.#events = []
    this.#end = undefined
  }

  /** Adds what lies between the end and a new end: all of it, in order. The oldest events go when there are many. */
  extend(events: readonly RecordedEvent[], end: bigint): void {
    for (const event of events) this.#events.push(event)
    this.#end = end
    if (this.#events.length <= eventsMax) return
    const dropped = this.#events.length - eventsMax / 2
    this.#start = this.#events[dropped - 1]!.position
    this.#events = this.#events.slice(dropped)
  }

  /** What `read` of the log would give, as far as it is known. Call only for what it covers. */
  page({ after, slots, limit, types }: LogRead): LogPage {
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
