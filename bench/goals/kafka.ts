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
} from 'tailrace/adapter'
import { engineAddress } from '../engines/engine-address.ts'
import type { Lab } from '../engines/lab.ts'
import type { Goal, Measured, PreparedGoal } from '../harness/goal.ts'
import { withCpu } from '../harness/measured-window.ts'
import { rowOf } from '../workloads/order-rows.ts'

const partitions = 4
const messages = 60_000
const perSend = 1_000
const maxMessageBytes = 1_000_000
const type = 'OrderChanged'

/** The log onto a topic and from there into a worker's hands, beside the client alone. */
export const kafkaBus: readonly Goal[] = [
  {
    id: 'K1.publish',
    name: `publish a log to ${partitions} partitions of Kafka`,
    unit: 'messages/s',
    target: 0.8,
    sense: 'at-least',
    ceilingName: `the client's own produce loop over these messages, made before; sends of ${perSend}, one under way per partition`,
    onRequest: true,
    prepare: preparePublish,
  },
  {
    id: 'K1.read',
    name: `read ${partitions} partitions of Kafka from their beginning, with checksums`,
    unit: 'messages/s',
    target: 0.8,
    sense: 'at-least',
    ceilingName: "the client's own consume stream and JSON.parse",
    onRequest: true,
    prepare: prepareRead,
  },
]

const events = recorded(
  Array.from({ length: messages }, (_, i) => ({
    stream: `order-${i % 5_000}`,
    event: { type, data: rowOf(i % 5_000, i).document },
    at: new Date().toISOString(),
  })),
)

/** A log that is longer with each call of `grow`. */
class TestLog extends ListLog {
  readonly #events: RecordedEvent[]

  constructor(list: RecordedEvent[] = []) {
    super(list)
    this.#events = list
  }

  grow(some: readonly RecordedEvent[]): void {
    for (const event of some) this.#events.push(event)
  }
}

interface Broker {
  readonly brokers: string[]
  readonly admin: Admin
  readonly topics: string[]
  topic(): Promise<string>
  bus(topic: string): Bus
  close(): Promise<void>
}

function broker(): Broker {
  const brokers = engineAddress('kafka').split(',')
  const admin = new Admin({ clientId: 'bench', bootstrapBrokers: brokers })
  const topics: string[] = []
  return {
    brokers,
    admin,
    topics,
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

async function preparePublish(lab: Lab): Promise<PreparedGoal> {
  const here = broker()
  const made = messagesOf(events)
  return {
    async product() {
      const bus = here.bus(await here.topic())
      const log = new TestLog()
      const relay = relayOf(bus, log)
      await until(() => relay.status().state === 'active')
      const measured = await rate(lab, async () => {
        log.grow(events)
        relay.wake()
        await until(() => relay.status().position >= BigInt(messages))
      })
      await relay.stop()
      await bus.close()
      return measured
    },
    async ceiling() {
      const topic = await here.topic()
      const producer = producerOf(here)
      await sendAll(
        producer,
        topic,
        made.map((some) => some.slice(0, perSend / partitions)),
      )
      const measured = await rate(lab, () => sendAll(producer, topic, made))
      await producer.close()
      return measured
    },
    close: () => here.close(),
  }
}

async function prepareRead(lab: Lab): Promise<PreparedGoal> {
  const here = broker()
  const topic = await here.topic()
  const bus = here.bus(topic)
  const relay = relayOf(bus, new TestLog([...events]))
  await until(() => relay.status().position >= BigInt(messages))
  await relay.stop()
  return {
    product: () =>
      rate(lab, async () => {
        let read = 0
        const subscriptions = await Promise.all(
          Array.from({ length: partitions }, (_, partition) =>
            bus.subscribe({
              partition,
              after: 0n,
              onMessages: async (some) => {
                for (const one of some) decodeMessage(one, maxMessageBytes)
                read += some.length
              },
            }),
          ),
        )
        await until(() => read >= messages)
        await Promise.all(subscriptions.map((one) => one.close()))
      }),
    ceiling: () => {
      const consumer = consumerOf(here)
      return rate(lab, async () => {
        const stream = await consumer.consume({ topics: [topic], mode: 'earliest' })
        let read = 0
        for await (const { value } of stream) {
          JSON.parse(value)
          if (++read === messages) break
        }
        await consumer.close(true)
      })
    },
    async close() {
      await bus.close()
      await here.close()
    },
  }
}

function relayOf(bus: Bus, log: TestLog) {
  const clock = systemClock()
  return startRelay({ bus, log, leases: new MemoryLeases(clock), clock })
}

/** With the settings that the product has. */
function producerOf({ brokers }: Broker) {
  return new Producer({
    clientId: 'bench',
    bootstrapBrokers: brokers,
    idempotent: true,
    acks: -1,
    serializers: stringSerializers,
  })
}

function consumerOf({ brokers }: Broker) {
  return new Consumer({
    clientId: 'bench',
    groupId: `bench-${randomUUID()}`,
    bootstrapBrokers: brokers,
    autocommit: false,
    deserializers: stringDeserializers,
  })
}

type OwnProducer = ReturnType<typeof producerOf>

/** What the relay makes of a log, for each partition. */
function messagesOf(log: readonly RecordedEvent[]): BusMessage[][] {
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

/** Every partition has one send under way. */
async function sendAll(
  producer: OwnProducer,
  topic: string,
  made: readonly (readonly BusMessage[])[],
): Promise<void> {
  await Promise.all(
    made.map(async (own, partition) => {
      for (let at = 0; at < own.length; at += perSend)
        await producer.send({
          messages: own
            .slice(at, at + perSend)
            .map(({ key, body, headers }) => ({ topic, partition, key, value: body, headers })),
        })
    }),
  )
}

async function rate(lab: Lab, run: () => Promise<void>): Promise<Measured> {
  const began = performance.now()
  const { cpuUsPerOp } = await withCpu(lab.serverPids(), async () => {
    await run()
    return { operations: messages }
  })
  return { value: (messages * 1_000) / (performance.now() - began), cpuUsPerOp }
}

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 120_000
  while (!holds()) {
    if (performance.now() > end) throw new Error('expected this within two minutes')
    await sleep(1)
  }
}
