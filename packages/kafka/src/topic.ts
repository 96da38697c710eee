import { ConfigResourceTypes, type Admin, type ClusterTopicMetadata } from '@platformatic/kafka'
import { TailraceError } from 'tailrace/adapter'
import { asBusError, isBrokerError, isUnknownTopic } from './broker-errors.ts'
import { checkTopic, keptMs, maxSendBytes, topicConfigs, type TopicWish } from './topic-settings.ts'

/** A topic as the brokers describe it now. */
export interface TopicView {
  /** Another one after the topic was deleted and made anew. */
  readonly id: string
  /** The broker that leads each partition. */
  readonly leaders: readonly number[]
  /** As `BusLayout.keepsMs`, when the topic was seen first. */
  readonly keepsMs: number | undefined
  /** As `BusLayout.maxSendBytes`, when the topic was checked last. */
  readonly maxSendBytes: number
}

/** Looks at a topic, makes it when it is missing, and checks each incarnation of it once. */
export class TopicKeeper {
  readonly #admin: Admin
  readonly #wish: TopicWish
  #checked: Omit<TopicView, 'leaders'> | undefined

  constructor(admin: Admin, wish: TopicWish) {
    this.#admin = admin
    this.#wish = wish
  }

  /** Throws `BUS_UNSUITABLE` and `UNAVAILABLE`. */
  async look(): Promise<TopicView> {
    const { topic } = this.#wish
    try {
      const found = (await this.#metadata()) ?? (await this.#make())
      if (found === undefined)
        throw new TailraceError(
          'UNAVAILABLE',
          `expected topic "${topic}" to appear after it was made, got nothing yet; it is looked for again`,
          { retryable: true },
        )
      const { id, partitions } = found
      if (this.#checked?.id !== id) this.#checked = { id, ...(await this.#check(found)) }
      return { ...this.#checked, leaders: partitions.map(({ leader }) => leader) }
    } catch (error) {
      throw asBusError(error, topic, 'the topic was looked at')
    }
  }

  /** The topic does not do what it did when it was checked: the next look checks it again. */
  doubt(): void {
    this.#checked = undefined
  }

  async #metadata(): Promise<ClusterTopicMetadata | undefined> {
    const { topic } = this.#wish
    try {
      const { topics } = await this.#admin.metadata({ topics: [topic], forceUpdate: true })
      const found = topics.get(topic)
      return found === undefined || found.partitions.length === 0 ? undefined : found
    } catch (error) {
      if (isUnknownTopic(error)) return undefined
      throw error
    }
  }

  async #make(): Promise<ClusterTopicMetadata | undefined> {
    const wish = this.#wish
    try {
      await this.#admin.createTopics({
        topics: [wish.topic],
        partitions: wish.partitions,
        replicas: wish.replicas,
        configs: topicConfigs(wish),
      })
    } catch (error) {
      if (isBrokerError(error, 'INVALID_REPLICATION_FACTOR'))
        throw new TailraceError(
          'BUS_UNSUITABLE',
          `expected brokers for a replication factor of ${wish.replicas}, got fewer; add brokers, or say durability: 'single' where one copy is acceptable`,
          { cause: error },
        )
      // Another process was faster.
      if (!isBrokerError(error, 'TOPIC_ALREADY_EXISTS')) throw error
    }
    return this.#metadata()
  }

  /** What the settings allow. Throws `BUS_UNSUITABLE`. */
  async #check(found: ClusterTopicMetadata): Promise<Omit<TopicView, 'id' | 'leaders'>> {
    const { topic } = this.#wish
    const [described] = await this.#admin.describeConfigs({
      resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }],
    })
    const configs = new Map(
      described?.configs.map(({ name, value }) => [name, value ?? null] as const),
    )
    checkTopic(this.#wish, {
      partitions: found.partitions.length,
      replicas: Math.min(...found.partitions.map(({ replicas }) => replicas.length)),
      configs,
    })
    return { keepsMs: keptMs({ configs }), maxSendBytes: maxSendBytes({ configs }, this.#wish) }
  }
}
