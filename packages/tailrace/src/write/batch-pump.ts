import { BatchRunner } from './batch-runner.ts'
import type { ExecutorCore } from './executor-core.ts'
import { LaneQueue, type PlainPending } from './lane-queue.ts'

/** Fewer waiting aggregates are not worth the fixed cost of a second batch. */
const sharedFrom = 16

/**
 * Starts batches: the commands that arrive while the earlier batches commit form the next one. There is no timer, so a
 * lone command waits for nothing, and a burst shares its commits.
 */
export class BatchPump {
  readonly #core: ExecutorCore
  readonly #queue = new LaneQueue()
  readonly #runner: BatchRunner
  readonly #onDone: () => void
  #batches = 0
  #safeBatch = false
  #scheduled = false

  /** `onDone` is called after each batch. */
  constructor(core: ExecutorCore, onDone: () => void) {
    this.#core = core
    this.#runner = new BatchRunner(core, this.#queue)
    this.#onDone = onDone
  }

  /** Commands that wait or are in a batch. */
  get size(): number {
    return this.#queue.size
  }

  /** Takes a command; it is in a batch at the end of this turn at the earliest, so that the commands of one turn share it. */
  add(pending: PlainPending): void {
    this.#queue.add(pending)
    if (this.#scheduled || this.#batches === this.#core.limits.batchesMax) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  /**
   * How many aggregates a batch may take: when no batch is under way, all callers may have been answered at once and be
   * back at once, and in one batch they would stay together for ever, with nothing to do while it commits.
   */
  #fairShare(): number {
    const { ready } = this.#queue
    const free = this.#core.limits.batchesMax - this.#batches
    return ready < sharedFrom ? ready : Math.ceil(ready / free)
  }

  #pump(): void {
    while (this.#batches < this.#core.limits.batchesMax) {
      if (!this.#safeBatch && this.#queue.careful > 0) this.#start('safe')
      else if (this.#queue.ready > 0) this.#start('fast')
      else break
    }
  }

  /** One batch at most is of the safe form: what goes wrong for some must not hold up all. */
  #start(form: 'fast' | 'safe'): void {
    const lanesMax = this.#fairShare()
    this.#batches++
    if (form === 'safe') this.#safeBatch = true
    const { batchMax } = this.#core.limits
    const taken =
      form === 'safe'
        ? this.#queue.take('careful', batchMax, batchMax)
        : this.#queue.take('ready', batchMax, lanesMax)
    void this.#runner.run(taken, form).then(() => {
      this.#batches--
      if (form === 'safe') this.#safeBatch = false
      this.#pump()
      this.#onDone()
    })
  }
}
