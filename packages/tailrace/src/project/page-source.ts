import type { EventLog, LogPage, SlotRange } from '../ports/event-log.ts'
import { BatchSize, type BatchLimits } from './batch-size.ts'

/** A page, and whether it reached the head of the log. */
export interface SourcePage extends LogPage {
  readonly atHead: boolean
}

/** Reads pages of the log for one projection, and one page ahead while the last one is being applied. */
export class PageSource {
  readonly #log: Pick<EventLog, 'read'>
  readonly #types: readonly string[]
  readonly #size: BatchSize
  #ahead: { readonly place: string; readonly page: Promise<SourcePage> } | undefined

  constructor(log: Pick<EventLog, 'read'>, types: readonly string[], limits: BatchLimits) {
    this.#log = log
    this.#types = types
    this.#size = new BatchSize(limits)
  }

  /** The events after a position. What was read ahead for another place is dropped. */
  async read(after: bigint, slots: readonly SlotRange[]): Promise<SourcePage> {
    const place = placeOf(after, slots)
    const ahead = this.#ahead?.place === place ? this.#ahead.page : undefined
    this.#ahead = undefined
    const page = await (ahead ?? this.#fetch(after, slots))
    if (!page.atHead) this.#readAhead(page.through, slots)
    return page
  }

  async #fetch(after: bigint, slots: readonly SlotRange[]): Promise<SourcePage> {
    const { limit } = this.#size
    const page = await this.#log.read({ after, slots, limit, types: this.#types })
    this.#size.saw(page, limit)
    // Positions are dense: a read that scanned fewer than it could have found has seen the end.
    return {
      events: page.events,
      through: page.through,
      atHead: page.through - after < BigInt(limit),
    }
  }

  #readAhead(after: bigint, slots: readonly SlotRange[]): void {
    const page = this.#fetch(after, slots)
    // The one who asks for it gets the error.
    page.catch(() => undefined)
    this.#ahead = { place: placeOf(after, slots), page }
  }
}

function placeOf(after: bigint, slots: readonly SlotRange[]): string {
  return `${after}:${slots.map((range) => `${range.from}-${range.to}`).join()}`
}
