import {
  readPlace,
  assertBodiesFit,
  bytesOfSend,
  TailraceError,
  type Bus,
  type BusDelivery,
  type BusLayout,
  type BusMessage,
  type BusPlace,
  type BusReceipt,
  type BusSubscribe,
  type BusSubscription,
} from 'tailrace/adapter'

interface Entry {
  readonly offset: number
  readonly delivery: BusDelivery
}

/** Deliveries handed to a handler at once. */
const batchMax = 500

/**
 * A topic in the memory of this process, for suites and simulations: several `MemoryBus` may share one, as processes share
 * a broker. A test can trim it, make it anew, partition it otherwise, and let it fail.
 */
export class MemoryTopic {
  #partitions: Entry[][]
  #nextOffsets: number[]
  #made = 1
  readonly #listeners = new Set<() => void>()
  #failure: Error | undefined

  constructor(partitions: number) {
    this.#partitions = Array.from({ length: partitions }, () => [])
    this.#nextOffsets = this.#partitions.map(() => 0)
  }

  get layout(): BusLayout {
    return { partitions: this.#partitions.length, incarnation: String(this.#made) }
  }

  /** Why every call fails, and nothing is delivered; undefined: it works. */
  get failure(): Error | undefined {
    return this.#failure
  }

  set failure(failure: Error | undefined) {
    this.#failure = failure
    this.#changed()
  }

  /** What a partition holds, oldest first. */
  messages(partition: number): readonly BusDelivery[] {
    return this.#entries(partition).map(({ delivery }) => delivery)
  }

  append(partition: number, messages: readonly BusMessage[]): void {
    const entries = this.#entries(partition)
    for (const { headers, body } of messages) {
      const delivery = { headers: new Map(Object.entries(headers)), body: Buffer.from(body) }
      entries.push({ offset: this.#nextOffsets[partition]!++, delivery })
    }
    this.#changed()
  }

  /** Entries from an offset on; undefined when some of them were dropped. */
  from(partition: number, offset: number): readonly Entry[] | undefined {
    const entries = this.#entries(partition)
    const first = entries[0]?.offset ?? this.#nextOffsets[partition]!
    return offset < first ? undefined : entries.slice(offset - first, offset - first + batchMax)
  }

  /** The offset of the first message after a position. */
  offsetAfter(partition: number, after: bigint): number {
    const found = this.#entries(partition).find(
      ({ delivery }) => readPlace(delivery.headers).position > after,
    )
    return found?.offset ?? this.#nextOffsets[partition]!
  }

  /** Drops all but the last messages of each partition, as retention does. */
  trim(keep: number): void {
    this.#partitions = this.#partitions.map((entries) => (keep === 0 ? [] : entries.slice(-keep)))
    this.#changed()
  }

  /** Deletes it and makes it anew, empty. */
  recreate(partitions = this.#partitions.length): void {
    this.#partitions = Array.from({ length: partitions }, () => [])
    this.#nextOffsets = this.#partitions.map(() => 0)
    this.#made++
    this.#changed()
  }

  /** Adds empty partitions. */
  grow(partitions: number): void {
    while (this.#partitions.length < partitions) {
      this.#partitions.push([])
      this.#nextOffsets.push(0)
    }
    this.#changed()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #entries(partition: number): Entry[] {
    const entries = this.#partitions[partition]
    if (entries === undefined) throw changed(`no partition ${partition}`)
    return entries
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** One process's connection to a topic in memory. */
export class MemoryBus implements Bus {
  readonly kind = 'bus'
  readonly name: string
  readonly maxBytes: number
  readonly #maxSendBytes: number | undefined
  readonly #topic: MemoryTopic
  readonly #subscriptions = new Set<MemorySubscription>()
  #closed = false

  constructor(
    topic: MemoryTopic,
    options: {
      readonly name?: string
      readonly maxBytes?: number
      readonly maxSendBytes?: number
    } = {},
  ) {
    this.#topic = topic
    this.name = options.name ?? 'memory'
    this.maxBytes = options.maxBytes ?? 1_000_000
    this.#maxSendBytes = options.maxSendBytes
  }

  async layout(): Promise<BusLayout> {
    this.#check()
    return { ...this.#topic.layout, maxSendBytes: this.#maxSendBytes }
  }

  async publish(
    partition: number,
    messages: readonly BusMessage[],
    incarnation: string,
  ): Promise<BusReceipt> {
    this.#check()
    assertBodiesFit(messages, this.maxBytes)
    if (incarnation !== this.#topic.layout.incarnation) throw changed('a topic made anew')
    const bytes = bytesOfSend(messages)
    if (this.#maxSendBytes !== undefined && bytes > this.#maxSendBytes)
      throw new TailraceError(
        'BUS_UNSUITABLE',
        `expected a send of at most ${this.#maxSendBytes} bytes, got ${bytes}; send fewer messages at once`,
      )
    this.#topic.append(partition, messages)
    return { position: messages.at(-1)!.position }
  }

  async lastPublished(partition: number): Promise<BusPlace | undefined> {
    this.#check()
    const last = this.#topic.messages(partition).at(-1)
    return last === undefined ? undefined : readPlace(last.headers)
  }

  async subscribe(options: BusSubscribe): Promise<BusSubscription> {
    this.#check()
    const subscription = new MemorySubscription(this.#topic, options, () =>
      this.#subscriptions.delete(subscription),
    )
    this.#subscriptions.add(subscription)
    return subscription
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#subscriptions].map((one) => one.close()))
  }

  #check(): void {
    if (this.#closed)
      throw new TailraceError('ADAPTER_CLOSED', `expected an open bus, got "${this.name}" closed`)
    if (this.#topic.failure !== undefined) throw this.#topic.failure
  }
}

class MemorySubscription implements BusSubscription {
  readonly ended: Promise<Error | undefined>
  readonly #end: (why: Error | undefined) => void
  readonly #topic: MemoryTopic
  readonly #options: BusSubscribe
  readonly #incarnation: string
  readonly #silence: () => void
  readonly #onEnd: () => void
  #offset: number
  #busy = false
  #over = false

  constructor(topic: MemoryTopic, options: BusSubscribe, onEnd: () => void) {
    this.#topic = topic
    this.#options = options
    this.#onEnd = onEnd
    this.#incarnation = topic.layout.incarnation
    this.#offset = topic.offsetAfter(options.partition, options.after)
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.ended = promise
    this.#end = resolve
    this.#silence = topic.onChange(() => void this.#pump())
    void this.#pump()
  }

  async close(): Promise<void> {
    this.#finish(undefined)
  }

  async #pump(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    // Like a broker's answer, what is there arrives later than the call that asked for it.
    await Promise.resolve()
    while (!this.#over && this.#topic.failure === undefined) {
      if (this.#topic.layout.incarnation !== this.#incarnation) {
        this.#finish(changed('a topic made anew'))
        break
      }
      const entries = this.#topic.from(this.#options.partition, this.#offset)
      if (entries === undefined) {
        this.#finish(changed('a topic trimmed beyond the subscription'))
        break
      }
      if (entries.length === 0) break
      this.#offset = entries.at(-1)!.offset + 1
      await this.#options.onMessages(entries.map(({ delivery }) => delivery))
    }
    this.#busy = false
  }

  #finish(why: Error | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#silence()
    this.#onEnd()
    this.#end(why)
  }
}

function changed(found: string): TailraceError {
  return new TailraceError(
    'BUS_CHANGED',
    `expected the topic as it was, got ${found}; ask for its layout again`,
    { retryable: true },
  )
}
