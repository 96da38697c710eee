import type { Consumer } from '@platformatic/kafka'
import {
  assertBodiesFit,
  TailraceError,
  type Bus,
  type BusLayout,
  type BusMessage,
  type BusPlace,
  type BusReceipt,
  type BusSubscribe,
  type BusSubscription,
} from 'tailrace/adapter'
import { asBusError, changed, isTooLarge } from './broker-errors.ts'
import {
  openAdmin,
  openProducer,
  openReader,
  type ConnectionSettings,
  type LogProducer,
} from './client-settings.ts'
import { PartitionReader } from './partition-reader.ts'
import { PartitionSubscription } from './partition-subscription.ts'
import { TopicKeeper, type TopicView } from './topic.ts'
import { WireMessages } from './wire-message.ts'

export interface KafkaOptions {
  /** `host:port` of some brokers; they name the others. */
  readonly brokers: readonly string[]
  /** One topic per log. It is made when it is missing. */
  readonly topic: string
  /** Of a topic that is made; 1 to 256. Default: 8. */
  readonly partitions?: number
  /** How long a topic that is made keeps messages, at least an hour; −1 for ever. Default: 7 days. */
  readonly retentionMs?: number
  /**
   * `replicated`: three copies of each message, of which two confirm it; anything less is refused. `single`: one copy is
   * accepted, for development and where a loss is only a delay. Default: `replicated`.
   */
  readonly durability?: 'replicated' | 'single'
  /** The largest body; data beyond it is left out of its message. Default: 1,000,000. */
  readonly maxMessageBytes?: number
  /** How often a send is tried again, 200 ms apart and longer, before it fails. At least 2. Default: 60. */
  readonly retries?: number
  /** Default: `tailrace`. */
  readonly clientId?: string
  readonly tls?: ConnectionSettings['tls']
  readonly sasl?: ConnectionSettings['sasl']
}

/** A Kafka topic as the bus. Nothing is connected before it is used. Throws `CONFIG`. */
export function kafka(options: KafkaOptions): Bus {
  return new KafkaBus(checked(options))
}

class KafkaBus implements Bus {
  readonly kind = 'bus'
  readonly name: string
  readonly maxBytes: number
  readonly #topic: string
  readonly #settings: ConnectionSettings
  readonly #producer: LogProducer
  readonly #admin: ReturnType<typeof openAdmin>
  readonly #keeper: TopicKeeper
  readonly #wire: WireMessages
  readonly #subscriptions = new Set<PartitionSubscription>()
  /** Where each partition's next message lands: a lower offset means that the topic is another one. */
  readonly #nextOffsets = new Map<number, bigint>()
  readonly #sending = new Map<number, Promise<unknown>>()
  #view: TopicView | undefined
  #prober: Consumer | undefined
  #probing: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(options: Required<Omit<KafkaOptions, 'tls' | 'sasl'>> & KafkaOptions) {
    const { topic, brokers, clientId, tls, sasl } = options
    this.name = `kafka:${topic}`
    this.maxBytes = options.maxMessageBytes
    this.#topic = topic
    this.#wire = new WireMessages(topic)
    this.#settings = { brokers, clientId, tls, sasl }
    this.#admin = openAdmin(this.#settings)
    this.#producer = openProducer(this.#settings, options.retries)
    const single = options.durability === 'single'
    this.#keeper = new TopicKeeper(this.#admin, {
      topic,
      partitions: options.partitions,
      replicas: single ? 1 : 3,
      minInSyncReplicas: single ? 1 : 2,
      retentionMs: options.retentionMs,
      maxMessageBytes: options.maxMessageBytes,
      single,
    })
  }

  async layout(): Promise<BusLayout> {
    this.#check()
    const view = await this.#unlessClosed(this.#keeper.look())
    if (view.id !== this.#view?.id) this.#nextOffsets.clear()
    this.#view = view
    const { id: incarnation, leaders, keepsMs, maxSendBytes } = view
    return { partitions: leaders.length, incarnation, keepsMs, maxSendBytes }
  }

  async publish(
    partition: number,
    messages: readonly BusMessage[],
    incarnation: string,
  ): Promise<BusReceipt> {
    this.#check()
    assertBodiesFit(messages, this.maxBytes)
    // One send at a time: two in flight could change places when the first is tried again.
    const before = this.#sending.get(partition)
    const sent = (before ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => this.#send(partition, messages, incarnation))
    this.#sending.set(partition, sent)
    return this.#unlessClosed(sent)
  }

  async lastPublished(partition: number): Promise<BusPlace | undefined> {
    this.#check()
    return this.#unlessClosed(
      this.#probe(async (consumer) => {
        const { id, leaders } = this.#view ?? (await this.#keeper.look())
        if (partition >= leaders.length) throw changed(this.#topic, `no partition ${partition}`)
        const reader = new PartitionReader(consumer, this.#topic, id, partition)
        await reader.look()
        const bounds = await reader.bounds()
        const last = await reader.last(bounds)
        this.#nextOffsets.set(partition, bounds.next)
        return last
      }),
    )
  }

  async subscribe(options: BusSubscribe): Promise<BusSubscription> {
    this.#check()
    const { id } = this.#view ?? (await this.#unlessClosed(this.#keeper.look()))
    const subscription = new PartitionSubscription({
      ...options,
      topic: this.#topic,
      topicId: id,
      consumer: openReader(this.#settings),
      onEnd: () => this.#subscriptions.delete(subscription),
    })
    this.#subscriptions.add(subscription)
    try {
      await this.#unlessClosed(subscription.open())
      return subscription
    } catch (error) {
      await subscription.close()
      throw asBusError(error, this.#topic, 'a place to begin was looked for')
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((one) => one.close()))
    // Not waited for: a broker that is gone may never say good-bye.
    for (const client of [this.#producer, this.#prober]) client?.close(true).catch(() => undefined)
    this.#admin.close().catch(() => undefined)
  }

  async #send(
    partition: number,
    messages: readonly BusMessage[],
    incarnation: string,
  ): Promise<BusReceipt> {
    const view = this.#view
    // The client takes a partition that does not exist for another one.
    if (view?.id !== incarnation) throw changed(this.#topic, 'one made anew')
    if (partition >= view.leaders.length) throw changed(this.#topic, `no partition ${partition}`)
    const found = await this.#producer
      .send({
        messages: messages.map((one) => this.#wire.toProduce(one, view.id, partition)),
      })
      .catch((error: unknown) => {
        // Somebody gave the topic other settings.
        if (isTooLarge(error)) this.#keeper.doubt()
        throw asBusError(error, this.#topic, 'messages were sent')
      })
    const first = found.offsets?.[0]?.offset
    const expected = this.#nextOffsets.get(partition)
    if (first === undefined || (expected !== undefined && first < expected))
      throw changed(this.#topic, `offset ${first} where ${expected} was the next`)
    this.#nextOffsets.set(partition, first + BigInt(messages.length))
    return { position: messages.at(-1)!.position }
  }

  /** One question at a time: the client's fetch sessions allow no more. */
  #probe<T>(ask: (consumer: Consumer) => Promise<T>): Promise<T> {
    const answer = this.#probing
      .catch(() => undefined)
      .then(async () => {
        this.#prober ??= openReader(this.#settings)
        return ask(this.#prober)
      })
      .catch((error: unknown) => {
        throw asBusError(error, this.#topic, 'the last message was looked for')
      })
    this.#probing = answer
    return answer
  }

  #check(): void {
    if (this.#closed !== undefined) throw closed(this.name)
  }

  /** What was asked of a broker that does not answer ends with `close`. */
  #unlessClosed<T>(call: Promise<T>): Promise<T> {
    return call.catch((error: unknown) => {
      throw this.#closed === undefined ? error : closed(this.name)
    })
  }
}

function closed(name: string): TailraceError {
  return new TailraceError('ADAPTER_CLOSED', `expected an open bus, got "${name}" closed`)
}

function checked(options: KafkaOptions) {
  const refuse = (what: string): never => {
    throw new TailraceError('CONFIG', `expected ${what}`)
  }
  const all = {
    partitions: 8,
    retentionMs: 7 * 24 * 3_600_000,
    durability: 'replicated' as const,
    maxMessageBytes: 1_000_000,
    retries: 60,
    clientId: 'tailrace',
    ...options,
  }
  if (all.brokers.length === 0 || !all.brokers.every((broker) => /^[^\s:]+:\d+$/.test(broker)))
    refuse(`brokers as "host:port", got ${JSON.stringify(all.brokers)}`)
  if (!/^[\w.-]{1,249}$/.test(all.topic))
    refuse(`a topic of letters, digits, ".", "_" and "-", got "${all.topic}"`)
  if (!Number.isInteger(all.partitions) || all.partitions < 1 || all.partitions > 256)
    refuse(`1 to 256 partitions, got ${all.partitions}`)
  if (all.retentionMs !== -1 && all.retentionMs < 3_600_000)
    refuse(`a retentionMs of an hour (3600000) or more, or -1, got ${all.retentionMs}`)
  if (!Number.isInteger(all.retries) || all.retries < 2)
    refuse(`2 retries or more, got ${all.retries}`)
  if (all.maxMessageBytes < 10_000)
    refuse(`maxMessageBytes of 10000 or more, got ${all.maxMessageBytes}`)
  return all
}
