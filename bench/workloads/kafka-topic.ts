import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  Admin,
  Consumer,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { ListLog, MemoryLeases, recorded } from '@tailrace/conformance'
import { kafka } from '@tailrace/kafka'
import {
  decodeMessage,
  encodeMessage,
  slotRanges,
  startRelay,
  systemClock,
  type Bus,
  type BusMessage,
  type RecordedEvent,
  type Relay,
} from 'tailrace/adapter'
import { engineAddress } from '../engines/engine-address.ts'
import { rowOf } from './order-rows.ts'

export const partitions = 4
export const messages = 60_000
export const maxMessageBytes = 1_000_000
const type = 'OrderChanged'

/** The log that is brought over Kafka. */
export const events = recorded(
  Array.from({ length: messages }, (_, i) => ({
    stream: `order-${i % 5_000}`,
    event: { type, data: rowOf(i % 5_000, i).document },
    at: new Date().toISOString(),
  })),
)

/** A log that is longer with each call of `grow`. */
export class TestLog extends ListLog {
  readonly #events: RecordedEvent[]

  constructor(list: RecordedEvent[] = []) {
    super(list)
    this.#events = list
  }

  grow(some: readonly RecordedEvent[]): void {
    for (const event of some) this.#events.push(event)
  }
}

/** Topics of one broker, which go when it is closed. */
export interface Broker {
  readonly brokers: string[]
  topic(): Promise<string>
  bus(topic: string): Bus
  close(): Promise<void>
}

export function broker(): Broker {
  const brokers = engineAddress('kafka').split(',')
  const admin = new Admin({ clientId: 'bench', bootstrapBrokers: brokers })
  const topics: string[] = []
  return {
    brokers,
    async topic() {
      const topic = `bench-${randomUUID()}`
      await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
      topics.push(topic)
      return topic
    },
    bus: (topic) => kafka({ brokers, topic, partitions, durability: 'single', maxMessageBytes }),
    async close() {
      await admin.deleteTopics({ topics })
      await admin.close()
    },
  }
}

export function relayOf(bus: Bus, log: TestLog): Relay {
  const clock = systemClock()
  return startRelay({ bus, log, leases: new MemoryLeases(clock), clock })
}

/** A bus on a topic of its own, and a relay that is ready to publish what the log gets. */
export async function openProduct(here: Broker) {
  const bus = here.bus(await here.topic())
  const log = new TestLog()
  const relay = relayOf(bus, log)
  await until(() => relay.status().state === 'active')
  return {
    bus,
    log,
    relay,
    async close() {
      await relay.stop()
      await bus.close()
    },
  }
}

/** Reads all partitions from their beginning, as a worker does. Gives what ends it. */
export async function readAll(bus: Bus, arrived: (count: number) => void) {
  const subscriptions = await Promise.all(
    Array.from({ length: partitions }, (_, partition) =>
      bus.subscribe({
        partition,
        after: 0n,
        onMessages: async (some) => {
          for (const one of some) decodeMessage(one, maxMessageBytes)
          arrived(some.length)
        },
      }),
    ),
  )
  return async () => void (await Promise.all(subscriptions.map((one) => one.close())))
}

/** With the settings that the product has. */
export function producerOf({ brokers }: Broker) {
  return new Producer({
    clientId: 'bench',
    bootstrapBrokers: brokers,
    idempotent: true,
    acks: -1,
    serializers: stringSerializers,
  })
}

export function consumerOf({ brokers }: Broker) {
  return new Consumer({
    clientId: 'bench',
    groupId: `bench-${randomUUID()}`,
    bootstrapBrokers: brokers,
    autocommit: false,
    deserializers: stringDeserializers,
  })
}

export type OwnProducer = ReturnType<typeof producerOf>

/** What the relay makes of a log, for each partition. */
export function messagesOf(log: readonly RecordedEvent[]): BusMessage[][] {
  const owners = slotRanges(partitions)
  const made = owners.map((): BusMessage[] => [])
  const history = '00000000000000ff/1'
  for (const event of log) {
    const at = owners.findIndex(({ from, to }) => from <= event.slot && event.slot <= to)
    const prevPosition = made[at]!.at(-1)?.position ?? 0n
    const chain = { prevPosition, slots: owners[at]!, history }
    made[at]!.push(encodeMessage(event, chain, maxMessageBytes))
  }
  return made
}

export async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 120_000
  while (!holds()) {
    if (performance.now() > end) throw new Error('expected this within two minutes')
    await sleep(1)
  }
}
