import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer } from '@platformatic/kafka'
import { isTailraceError, type BusSubscribe, type BusSubscription } from 'tailrace/adapter'
import { PartitionReader } from './partition-reader.ts'
import { offsetAfter, recordsFrom } from './wire-message.ts'

export interface SubscriptionOptions extends BusSubscribe {
  readonly topic: string
  readonly topicId: string
  /** Of this subscription alone: it closes it. */
  readonly consumer: Consumer
  readonly onEnd: () => void
}

const fetchSettings = { waitMs: 500, maxBytes: 4 * 1_024 * 1_024 }
/** Messages handed over at once. */
const deliverMax = 2_000
/** Pauses while no broker answers: first and longest. */
const retryMinMs = 50
const retryMaxMs = 1_000

/**
 * Reads one partition from an explicit offset, without a group: where it stands is the read store's business, and no
 * broker's. A broker that dies is waited for; a topic that is another one, or trimmed beyond it, ends it.
 */
export class PartitionSubscription implements BusSubscription {
  readonly ended: Promise<Error | undefined>
  readonly #options: SubscriptionOptions
  readonly #reader: PartitionReader
  readonly #closing = new AbortController()
  readonly #settle: (why: Error | undefined) => void
  #offset = 0n

  constructor(options: SubscriptionOptions) {
    const { consumer, topic, topicId, partition } = options
    this.#options = options
    this.#reader = new PartitionReader(consumer, topic, topicId, partition)
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.ended = promise
    this.#settle = resolve
  }

  /** Finds where to begin, and begins. */
  async open(): Promise<void> {
    await this.#reader.look()
    this.#offset = await this.#reader.offsetAfter(this.#options.after, await this.#reader.bounds())
    void this.#run()
  }

  async close(): Promise<void> {
    await this.#finish(undefined)
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#closing.signal.aborted) {
      try {
        await this.#next()
        failures = 0
      } catch (error) {
        if (isTailraceError(error)) return this.#finish(error)
        await this.#pause(Math.min(retryMaxMs, retryMinMs * 2 ** failures++))
      }
    }
  }

  async #next(): Promise<void> {
    const batches = await this.#reader.fetch(this.#offset, fetchSettings)
    const records = recordsFrom(batches, this.#offset)
    for (let i = 0; i < records.length && !this.#closing.signal.aborted; i += deliverMax) {
      const some = records.slice(i, i + deliverMax)
      await this.#options.onMessages(some.map(({ delivery }) => delivery))
      this.#offset = some.at(-1)!.offset + 1n
    }
    this.#offset = offsetAfter(batches, this.#offset)
  }

  async #finish(why: Error | undefined): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#settle(why)
    this.#options.onEnd()
    // Not waited for: a broker that is gone may never say good-bye.
    this.#options.consumer.close(true).catch(() => undefined)
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined)
  }
}
