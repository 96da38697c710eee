import type { LogPage, LogRead, RecordedEvent } from '../ports/event-log.ts'
import { slotCount } from '../log/slot.ts'
import { EventWindow } from '../project/event-window.ts'
import type { DecodedMessage } from './decode-message.ts'

export interface DoubtSettings {
  /** How long a missing position may be on its way through another partition. Default: 50 ms. */
  readonly holeMs: number
  /** How long after a hint that the log has grown a message may take. Default: 250 ms. */
  readonly lateMs: number
  /** How long nothing may come before the log is asked whether there was something. Default: 1,000 ms. */
  readonly silentMs: number
  /** How often the log is read while the bus is behind it or away. Default: 25 ms. */
  readonly behindMs: number
}

export const doubtDefaults: DoubtSettings = {
  holeMs: 50,
  lateMs: 250,
  silentMs: 1_000,
  behindMs: 25,
}

/**
 * Why the log is read although there is a bus: `lost` a message says that another one was before it, which did not come;
 * `hole` a position is missing for too long; `late` the log has grown and nothing came; `silent` nothing came for long;
 * `behind` the log was ahead of the bus at the last look.
 */
export type Doubt = 'lost' | 'hole' | 'late' | 'silent' | 'behind'

export type Accepted = 'next' | 'waiting' | 'duplicate' | 'refused'

/** Messages held beyond a missing position. */
const waitingMax = 8_000

/**
 * What is known of the end of the log from messages, and when that is not enough. Positions are dense, so that the next
 * one is known; a message's `prevPosition` proves a loss at once, where a missing position alone may only be late. Pure:
 * the shell feeds in messages, pages and the time.
 */
export class BusWindow {
  readonly #window = new EventWindow()
  readonly #types: ReadonlySet<string>
  readonly #settings: DoubtSettings
  /** Messages beyond the end by position; undefined for an event that nobody wants. */
  readonly #waiting = new Map<bigint, RecordedEvent | undefined>()
  #lost = false
  /** Whether the bus was ahead of the log the last time that they met. */
  #trusted = false
  #holeSinceMs: number | undefined
  #wokenAtMs: number | undefined
  #provenAtMs = Number.NEGATIVE_INFINITY

  constructor(types: readonly string[], settings: DoubtSettings = doubtDefaults) {
    this.#types = new Set(types)
    this.#settings = settings
  }

  get end(): bigint | undefined {
    return this.#window.end
  }

  /** Messages that wait for a missing one. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Whether a message has proved that another one is lost. */
  get lost(): boolean {
    return this.#lost
  }

  covers(after: bigint): boolean {
    return this.#window.covers(after)
  }

  page(options: LogRead): LogPage {
    return this.#window.page(options)
  }

  /** Begins at a position up to which the log was read. */
  startAt(position: bigint, nowMs: number): void {
    this.#window.startAt(position)
    this.#settle(nowMs)
  }

  /** The log could not be read: what is remembered may not be its past any more. */
  clear(): void {
    this.#window.clear()
    this.#waiting.clear()
    this.#lost = false
    this.#trusted = false
  }

  /** The bus is away, or was read from another place: until it brings something new, the log is asked. */
  distrust(): void {
    this.#trusted = false
  }

  /** The log has grown, it is said. */
  woken(nowMs: number): void {
    this.#wokenAtMs ??= nowMs
  }

  /** The bus is away: the next doubt is due at once. */
  lookNow(): void {
    this.#trusted = false
    this.#provenAtMs = Number.NEGATIVE_INFINITY
  }

  /** Takes a message. `refused`: it cannot be kept, and will be missed. */
  accept(message: DecodedMessage, nowMs: number): Accepted {
    const { end } = this.#window
    if (end === undefined) return 'refused'
    const { position, prevPosition, event } = message
    if (position <= end || this.#waiting.has(position)) {
      // The bus has brought what the log was last seen to hold: it is level with it.
      if (position === end) this.#trusted = true
      return 'duplicate'
    }
    if (event === undefined) {
      this.#lost = true
      return 'refused'
    }
    const wanted = this.#types.has(event.type) ? event : undefined
    if (position === end + 1n || (ofAllSlots(message) && prevPosition <= end)) {
      this.#window.extend(wanted === undefined ? [] : [wanted], position)
      if (this.#waiting.size > 0) this.#absorb()
      this.#trusted = true
      this.#grown(nowMs)
      return 'next'
    }
    if (prevPosition > end && !this.#waiting.has(prevPosition)) this.#lost = true
    if (this.#waiting.size >= waitingMax) return 'refused'
    this.#waiting.set(position, wanted)
    this.#holeSinceMs ??= nowMs
    return 'waiting'
  }

  /** Why the log should be read now; undefined: what is known is enough for now. */
  doubt(nowMs: number): Doubt | undefined {
    const { holeMs, lateMs, silentMs, behindMs } = this.#settings
    if (this.#lost) return 'lost'
    if (this.#holeSinceMs !== undefined && nowMs - this.#holeSinceMs >= holeMs) return 'hole'
    if (!this.#trusted) return nowMs - this.#provenAtMs >= behindMs ? 'behind' : undefined
    if (this.#wokenAtMs !== undefined && nowMs - this.#wokenAtMs >= lateMs) return 'late'
    return nowMs - this.#provenAtMs >= silentMs ? 'silent' : undefined
  }

  /** Takes what the log holds after `end`. Whether the log knew more than the bus had brought, though it was trusted to. */
  adopt(page: LogPage, why: Doubt, nowMs: number): boolean {
    const before = this.#window.end!
    if (page.through > before) this.#window.extend(page.events, page.through)
    const healed = page.through > before && why !== 'behind'
    if (page.through > before && (why === 'late' || why === 'silent')) this.#trusted = false
    this.#settle(nowMs)
    return healed
  }

  /** What was just read is all there was: doubts begin anew. */
  #settle(nowMs: number): void {
    const end = this.#window.end!
    for (const position of this.#waiting.keys()) if (position <= end) this.#waiting.delete(position)
    this.#absorb()
    this.#lost = false
    this.#grown(nowMs)
  }

  #grown(nowMs: number): void {
    this.#provenAtMs = nowMs
    this.#wokenAtMs = undefined
    this.#holeSinceMs = this.#waiting.size === 0 ? undefined : nowMs
  }

  /** Moves what waited and is next now into the window. */
  #absorb(): void {
    const events: RecordedEvent[] = []
    let end = this.#window.end!
    for (; this.#waiting.has(end + 1n); end++) {
      const event = this.#waiting.get(end + 1n)
      if (event !== undefined) events.push(event)
      this.#waiting.delete(end + 1n)
    }
    if (end > this.#window.end!) this.#window.extend(events, end)
  }
}

function ofAllSlots({ slots }: DecodedMessage): boolean {
  return slots.from === 0 && slots.to === slotCount - 1
}
