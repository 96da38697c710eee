import { TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { DeadlineQueue, type Deadline } from './deadline-queue.ts'
import { MinHeap } from './min-heap.ts'

export type WaitOutcome = 'reached' | 'timeout' | 'aborted'

export interface Wait {
  readonly projection: string
  /** Slots that must have passed the position; empty: all. */
  readonly slots: readonly number[]
  readonly position: bigint
  /** On the monotonic clock. */
  readonly deadline: number
  readonly signal?: AbortSignal | undefined
}

interface Waiter {
  readonly position: bigint
  readonly settle: (outcome: WaitOutcome) => void
  gone: boolean
}

interface Group {
  readonly slots: readonly number[]
  readonly waiters: MinHeap<Waiter, bigint>
}

/** Those who wait for a projection to show a position: bounded in number and in time, on one timer. */
export class Waiters {
  readonly #max: number
  readonly #deadlines: DeadlineQueue
  /** By projection, then by slots: those of one group are reached in the order of their positions. */
  readonly #groups = new Map<string, Map<string, Group>>()
  readonly #byProjection = new Map<string, number>()
  #size = 0

  constructor(options: { readonly clock: Clock; readonly max: number }) {
    this.#max = options.max
    this.#deadlines = new DeadlineQueue(options.clock)
  }

  get size(): number {
    return this.#size
  }

  waitingFor(projection: string): number {
    return this.#byProjection.get(projection) ?? 0
  }

  /** Waits for `advance` to reach the position. Throws `TOO_MANY_WAITERS` at once. */
  wait({ projection, slots, position, deadline, signal }: Wait): Promise<WaitOutcome> {
    if (signal?.aborted === true) return Promise.resolve('aborted')
    if (this.#size >= this.#max) {
      throw new TailraceError(
        'TOO_MANY_WAITERS',
        `expected at most ${this.#max} queries waiting for a position, got one more; retry later`,
        { retryable: true },
      )
    }
    return new Promise((resolve) => {
      const group = this.#group(projection, slots)
      let expiry: Deadline | undefined
      const onAbort = (): void => waiter.settle('aborted')
      const waiter: Waiter = {
        position,
        gone: false,
        settle: (outcome) => {
          if (waiter.gone) return
          group.waiters.drop(waiter)
          if (expiry !== undefined) this.#deadlines.cancel(expiry)
          signal?.removeEventListener('abort', onAbort)
          this.#count(projection, -1)
          if (group.waiters.size === 0) this.#groups.get(projection)?.delete(slots.join())
          resolve(outcome)
        },
      }
      group.waiters.push(waiter)
      this.#count(projection, 1)
      signal?.addEventListener('abort', onAbort, { once: true })
      expiry = this.#deadlines.add(deadline, () => waiter.settle('timeout'))
    })
  }

  /** Settles those whose position is visible now. `visible` answers for slots; undefined: not started. */
  advance(projection: string, visible: (slots: readonly number[]) => bigint | undefined): void {
    const groups = this.#groups.get(projection)
    if (groups === undefined) return
    for (const group of groups.values()) {
      const reached = visible(group.slots)
      if (reached === undefined) continue
      for (
        let next = group.waiters.peek();
        next !== undefined && next.position <= reached;
        next = group.waiters.peek()
      )
        next.settle('reached')
    }
  }

  #group(projection: string, slots: readonly number[]): Group {
    const groups = this.#groups.get(projection) ?? new Map<string, Group>()
    this.#groups.set(projection, groups)
    const group = groups.get(slots.join()) ?? {
      slots,
      waiters: new MinHeap<Waiter, bigint>((waiter) => waiter.position),
    }
    groups.set(slots.join(), group)
    return group
  }

  #count(projection: string, change: number): void {
    this.#size += change
    this.#byProjection.set(projection, (this.#byProjection.get(projection) ?? 0) + change)
  }
}
