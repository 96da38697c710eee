import {
  encodeMessage,
  readPlace,
  slotRanges,
  type Bus,
  type BusDelivery,
  type BusLayout,
  type BusMessage,
  type BusSubscription,
  type RecordedEvent,
} from 'tailrace/adapter'

/** A topic of its own, empty, with two partitions at least. It takes sends of a megabyte. */
export interface BusUnderTest {
  /** Another connection to the topic, as another process would have. The suite closes it. */
  connect(): Promise<Bus>
  /** Removes the topic. */
  remove(): Promise<void>
}

/** What a requirement works with: connections that are closed when it is over. */
export class BusWorld {
  readonly #topic: BusUnderTest
  readonly #open: Bus[] = []

  constructor(topic: BusUnderTest) {
    this.#topic = topic
  }

  async bus(): Promise<Bus> {
    const bus = await this.#topic.connect()
    this.#open.push(bus)
    return bus
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((bus) => bus.close()))
    await this.#topic.remove()
  }
}

export const history = '00000000000000ff/1'

export interface Sampled {
  readonly layout: BusLayout
  readonly partition: number
  /** The position before the first one. Default: 0. */
  readonly after?: number
  readonly count: number
  /** Length of a text in each event. Default: 20. */
  readonly size?: number
  readonly text?: string
}

/** Messages of events in the slots of a partition, as a relay makes them. */
export function sampleMessages(sampled: Sampled): BusMessage[] {
  const { layout, partition, after = 0, count, size = 20, text = 'x'.repeat(size) } = sampled
  const slots = slotRanges(layout.partitions)[partition]!
  return Array.from({ length: count }, (_, i) => {
    const position = BigInt(after + i + 1)
    const event: RecordedEvent = {
      position,
      slot: slots.from + (i % (slots.to - slots.from + 1)),
      aggregate: 'sample',
      stream: `s-${i % 7}`,
      version: i + 1,
      type: 'Sampled',
      schemaVersion: 1,
      data: { text, n: i },
      commandId: '00000000-0000-8000-8000-000000000000',
      ordinal: Number(position),
      causationId: undefined,
      traceparent: undefined,
      at: '2026-01-01T00:00:00.000Z',
    }
    return encodeMessage(event, { prevPosition: position - 1n, slots, history }, 16_000_000)
  })
}

/** A subscriber that keeps what comes, and can be asked to wait for it. */
export class Collector {
  readonly deliveries: BusDelivery[] = []
  #subscription: BusSubscription | undefined
  #arrived = Promise.withResolvers<void>()

  /** `hold`: awaited in each call of the handler. */
  async subscribe(
    bus: Bus,
    partition: number,
    after: bigint,
    hold: () => Promise<void> = () => Promise.resolve(),
  ): Promise<BusSubscription> {
    this.#subscription = await bus.subscribe({
      partition,
      after,
      onMessages: async (messages) => {
        this.deliveries.push(...messages)
        this.#arrived.resolve()
        this.#arrived = Promise.withResolvers()
        await hold()
      },
    })
    return this.#subscription
  }

  get positions(): bigint[] {
    return this.deliveries.map(({ headers }) => readPlace(headers).position)
  }

  /** Positions in the order in which each was first seen. */
  get distinct(): bigint[] {
    return [...new Set(this.positions)]
  }

  /** Waits until a position has arrived. */
  async until(position: bigint): Promise<void> {
    while (!this.positions.includes(position)) {
      const ended = await Promise.race([
        this.#arrived.promise.then(() => false as const),
        this.#subscription?.ended.then((why) => why ?? new Error('closed')) ?? false,
      ])
      if (ended !== false && !this.positions.includes(position))
        throw new Error(
          `expected position ${position} to arrive, got the end of the subscription`,
          {
            cause: ended,
          },
        )
    }
  }
}

export function expectPositions(found: readonly bigint[], from: number, to: number): void {
  const wanted = Array.from({ length: to - from + 1 }, (_, i) => BigInt(from + i))
  if (found.length !== wanted.length || found.some((position, i) => position !== wanted[i]))
    throw new Error(
      `expected positions ${from} to ${to} in order, got ${found.length}: ${found.slice(0, 30).join(' ')}`,
    )
}

export function expect(holds: boolean, expectation: string): asserts holds {
  if (!holds) throw new Error(`expected ${expectation}`)
}
