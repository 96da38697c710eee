import type { Answer, Meta } from 'tailrace'
import type { ClientClock } from './client-clock.ts'
import { Overlay, type OverlayAnswer, type PendingEntry } from './overlay.ts'
import type { Asked, QueryCallOptions } from './query-call.ts'

/** What a view shows now. The object stays the same until something changes. */
export interface ViewState<D> {
  /** The last answer with one's own pending commands laid over it; undefined before the first answer. */
  readonly data: D | undefined
  readonly meta: Meta | undefined
  /** Own commands that the read model does not have yet. */
  readonly pending: number
  /** One of them waits for longer than usual. */
  readonly delayed: boolean
  /** Why the last question failed; the data of the one before stays. */
  readonly error: Error | undefined
  readonly loading: boolean
}

/** What a command shows in a view before the read model has it. */
export interface Patch {
  show(): ShownPatch
}

export interface ShownPatch {
  committed(): void
  rejected(): void
  unknown(): void
}

export interface ViewSource {
  /** The views that somebody watches; a view enters and leaves by itself. */
  readonly watched: Set<QueryView<unknown>>
  readonly query: string
  readonly ask: (options: QueryCallOptions) => Promise<Asked>
  readonly clock: ClientClock
  readonly now: () => number
}

const delayedAfterMs = 2_000
const askAgainMs = 100
const askAgainMaxMs = 5_000

/**
 * One query with one input, watched: the last answer, own commands laid over it, subscribers. Asks at most one question
 * at a time; whoever wants another meanwhile gets one more after it. While own commands are pending it asks again.
 */
export class QueryView<D> {
  readonly #source: ViewSource
  readonly #overlay = new Overlay<D>()
  readonly #listeners = new Set<() => void>()
  #issuedAt = new Map<PendingEntry, number>()
  #meta: Meta | undefined
  #error: Error | undefined
  #asking: Promise<void> | undefined
  #again = false
  #unanswered = 0
  #generation = 0
  #state: ViewState<D> | undefined
  #settling: AbortController | undefined

  constructor(source: ViewSource) {
    this.#source = source
  }

  /** The name of the query. */
  get query(): string {
    return this.#source.query
  }

  /** Nobody watches it and nothing is pending: it may be forgotten. */
  get idle(): boolean {
    return (
      this.#listeners.size === 0 && this.#asking === undefined && this.#overlay.entries.length === 0
    )
  }

  readonly getSnapshot = (): ViewState<D> => (this.#state ??= this.#compute())

  /** Calls back on every change; the first subscriber makes the view ask. Returns the unsubscriber. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const first = this.#listeners.size === 0
    this.#listeners.add(listener)
    if (first) {
      this.#source.watched.add(this as QueryView<unknown>)
      void this.refetch()
    }
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#source.watched.delete(this as QueryView<unknown>)
    }
  }

  /** Asks again. Resolves when an answer came that was asked for after this call, or failed to. */
  refetch(): Promise<void> {
    if (this.#asking !== undefined) {
      this.#again = true
      return this.#asking
    }
    this.#asking = this.#askUntilSettled().finally(() => {
      this.#asking = undefined
      this.#changed()
      this.#settleLater()
    })
    this.#changed()
    return this.#asking
  }

  /** What a command will do to the data of this view; hand it to the command's `optimistic`. Must not change its argument. */
  patch(change: (data: D) => D): Patch {
    return {
      show: () => {
        const entry = this.#overlay.issue(change)
        this.#issuedAt.set(entry, this.#source.clock.now())
        this.#changed()
        return {
          committed: () => {
            entry.committed(this.#source.now())
            void this.refetch()
          },
          rejected: () => {
            entry.rejected()
            this.#changed()
          },
          unknown: () => {
            entry.unknown(this.#source.now())
            void this.refetch()
          },
        }
      },
    }
  }

  async #askUntilSettled(): Promise<void> {
    do {
      this.#again = false
      await this.#askOnce()
    } while (this.#again)
  }

  async #askOnce(): Promise<void> {
    // Nobody knows whether such a command happened: only an answer of the present tells.
    const strict = this.#overlay.entries.some((entry) => entry.state === 'unknown')
    try {
      const { answer, asked, generation } = await this.#source.ask(
        strict ? { consistency: 'strict' } : {},
      )
      if (generation !== this.#generation) this.#overlay.reset()
      this.#generation = generation
      this.#overlay.answered(answerOf(answer as Answer<D>, asked, strict))
      this.#meta = answer.meta
      this.#error = undefined
    } catch (error) {
      this.#error = error as Error
    }
    this.#changed()
  }

  /** While own commands are pending, the view asks again with growing pauses, so that none is shown for ever. */
  #settleLater(): void {
    const waiting = this.#overlay.entries.some((entry) => entry.state !== 'sending')
    if (!waiting) {
      this.#unanswered = 0
      return
    }
    this.#settling?.abort()
    const settling = (this.#settling = new AbortController())
    const pause = Math.min(askAgainMaxMs, askAgainMs * 2 ** this.#unanswered++)
    void this.#source.clock.sleep(pause, settling.signal).then(() => {
      if (!settling.signal.aborted) void this.refetch()
    })
  }

  #changed(): void {
    this.#state = undefined
    for (const listener of this.#listeners) listener()
  }

  #compute(): ViewState<D> {
    const view = this.#overlay.view()
    const open = new Set(this.#overlay.entries)
    for (const entry of this.#issuedAt.keys()) if (!open.has(entry)) this.#issuedAt.delete(entry)
    const now = this.#source.clock.now()
    return {
      data: view?.data,
      meta: this.#meta,
      pending: open.size,
      delayed: [...this.#issuedAt.values()].some((at) => now - at >= delayedAfterMs),
      error: this.#error,
      loading: this.#asking !== undefined,
    }
  }
}

function answerOf<D>({ data, meta }: Answer<D>, asked: number, strict: boolean): OverlayAnswer<D> {
  return {
    data,
    position: BigInt(meta.position),
    asked,
    contains: ({ state, since }) =>
      since < asked &&
      ((state === 'committed' && meta.behindToken !== true) || (state === 'unknown' && strict)),
  }
}
