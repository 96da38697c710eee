import { ListOffsetTimestamps, type Consumer, type RecordsBatch } from '@platformatic/kafka'
import { isTailraceError, readPlace, type BusPlace } from 'tailrace/adapter'
import { changed, isBrokerError, isOtherTopic } from './broker-errors.ts'
import { recordsFrom, topicIdHeader, type ReadRecord } from './wire-message.ts'

/** What a partition holds: offsets from `earliest` up to, and without, `next`. */
export interface OffsetBounds {
  readonly earliest: bigint
  readonly next: bigint
}

export interface FetchSettings {
  /** How long a broker waits for something to come. */
  readonly waitMs: number
  readonly maxBytes: number
}

/** When this little is left between a message before and one after a position, it is simply read. */
const closeEnough = 500n
/** Messages of others that are passed over in search of one of ours. */
const strangersMax = 1_000

/** Reads one partition at explicit offsets. One call at a time. */
export class PartitionReader {
  readonly #consumer: Consumer
  readonly #topic: string
  readonly #partition: number
  #topicId: string
  #leader: number | undefined

  constructor(consumer: Consumer, topic: string, topicId: string, partition: number) {
    this.#consumer = consumer
    this.#topic = topic
    this.#topicId = topicId
    this.#partition = partition
  }

  /** Asks who leads the partition. Throws `BUS_CHANGED` when the topic is another one. */
  async look(): Promise<void> {
    const { topics } = await this.#consumer.metadata({ topics: [this.#topic], forceUpdate: true })
    const found = topics.get(this.#topic)
    if (found?.id !== this.#topicId) throw changed(this.#topic, 'one made anew')
    this.#leader = found.partitions[this.#partition]?.leader
  }

  /** The batches at an offset and after it, whole; none when nothing came in time. */
  async fetch(
    offset: bigint,
    { waitMs, maxBytes }: FetchSettings,
  ): Promise<readonly RecordsBatch[]> {
    if (this.#leader === undefined) await this.look()
    const partition = {
      partition: this.#partition,
      fetchOffset: offset,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
      partitionMaxBytes: maxBytes,
    }
    try {
      const answer = await this.#consumer.fetch({
        node: this.#leader!,
        maxWaitTime: waitMs,
        minBytes: 1,
        maxBytes,
        topics: [{ topicId: this.#topicId, partitions: [partition] }],
      })
      return answer.responses[0]?.partitions[0]?.records ?? []
    } catch (error) {
      this.#leader = undefined
      if (isBrokerError(error, 'OFFSET_OUT_OF_RANGE'))
        throw changed(this.#topic, `one without offset ${offset} of partition ${this.#partition}`)
      if (isOtherTopic(error)) throw changed(this.#topic, 'one made anew')
      throw error
    }
  }

  async bounds(): Promise<OffsetBounds> {
    const partitions = { [this.#topic]: [this.#partition] }
    const offset = async (timestamp: bigint): Promise<bigint> => {
      const found = await this.#consumer.listOffsets({
        topics: [this.#topic],
        partitions,
        timestamp,
      })
      return found.get(this.#topic)![this.#partition]!
    }
    return {
      earliest: await offset(ListOffsetTimestamps.EARLIEST),
      next: await offset(ListOffsetTimestamps.LATEST),
    }
  }

  /** The place of the last message of ours that was sent to this incarnation of the topic. */
  async last({ earliest, next }: OffsetBounds): Promise<BusPlace | undefined> {
    let passed = 0
    for (let at = next - 1n; at >= earliest && passed < strangersMax;) {
      const batches = await this.fetch(at, { waitMs: 100, maxBytes: 1 })
      const records = recordsFrom(batches, earliest).filter(({ offset }) => offset <= at)
      for (const record of records.toReversed()) {
        const place = placeOf(record)
        if (place !== undefined && record.delivery.headers.get(topicIdHeader) === this.#topicId)
          return place
        passed++
      }
      // A whole batch was looked at, or a marker, which has nothing to look at.
      at = (batches[0]?.firstOffset ?? at) - 1n
      passed++
    }
    return undefined
  }

  /**
   * An offset from which nothing after a position is missed, found by the positions in the headers: backwards from the end
   * in growing steps, since that is where readers mostly begin, then by halves.
   */
  async offsetAfter(position: bigint, { earliest, next }: OffsetBounds): Promise<bigint> {
    let after = next
    let before = earliest - 1n
    for (let step = 1n; after > earliest; step *= 4n) {
      const at = next - step < earliest ? earliest : next - step
      if (await this.#isAfter(position, at)) after = at
      else {
        before = at
        break
      }
    }
    while (after - before > closeEnough) {
      const middle = (after + before) / 2n
      if (await this.#isAfter(position, middle)) after = middle
      else before = middle
    }
    return before < earliest ? earliest : before
  }

  /** Whether the first message at an offset or after it is behind a position; what nobody can place is. */
  async #isAfter(position: bigint, at: bigint): Promise<boolean> {
    const batches = await this.fetch(at, { waitMs: 100, maxBytes: 1 })
    for (const record of recordsFrom(batches, at)) {
      const place = placeOf(record)
      if (place !== undefined) return place.position > position
    }
    return true
  }
}

function placeOf({ delivery }: ReadRecord): BusPlace | undefined {
  try {
    return readPlace(delivery.headers)
  } catch (error) {
    if (isTailraceError(error)) return undefined
    throw error
  }
}
