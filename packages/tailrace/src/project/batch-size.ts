import type { LogPage } from '../ports/event-log.ts'

export interface BatchLimits {
  /** Events of one batch while close to the head. Default: 1,000. */
  readonly events: number
  /** Events of one batch while far behind. Default: 5,000. */
  readonly eventsBehind: number
  /** Bytes of event data that a batch may hold, estimated. Default: 8 MiB. */
  readonly bytes: number
}

export const batchLimits: BatchLimits = {
  events: 1_000,
  eventsBehind: 5_000,
  bytes: 8 * 1024 * 1024,
}

const samplesMax = 16

/** How many events the next page may have: what there is, capped; more when far behind, fewer when events are large. */
export class BatchSize {
  readonly #limits: BatchLimits
  #bytesPerEvent = 256
  #fullPages = 0

  constructor(limits: BatchLimits) {
    this.#limits = limits
  }

  get limit(): number {
    const wanted = this.#fullPages > 1 ? this.#limits.eventsBehind : this.#limits.events
    return Math.max(1, Math.min(wanted, Math.floor(this.#limits.bytes / this.#bytesPerEvent)))
  }

  /** Learns from a page that was asked for with `limit`. */
  saw(page: LogPage, limit: number): void {
    this.#fullPages = page.events.length >= limit ? this.#fullPages + 1 : 0
    if (page.events.length === 0) return
    const step = Math.ceil(page.events.length / samplesMax)
    let bytes = 0
    let samples = 0
    for (let i = 0; i < page.events.length; i += step, samples++)
      bytes += JSON.stringify(page.events[i]!.data)?.length ?? 0
    const average = Math.max(64, bytes / samples)
    // Quick to shrink, slow to grow.
    this.#bytesPerEvent =
      average > this.#bytesPerEvent ? average : (this.#bytesPerEvent * 7 + average) / 8
  }
}
