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
  BusTail,
  decodeMessage,
  startRelay,
  systemClock,
  type Bus,
  type RecordedEvent,
} from 'tailrace/adapter'
import { engineAddress } from '../engines/engine-address.ts'
import type { Lab } from '../engines/lab.ts'
import { quantile } from '../harness/closed-loop.ts'
import type { Goal, Measured, PreparedGoal } from '../harness/goal.ts'
import { withCpu } from '../harness/measured-window.ts'
import { rowOf } from '../workloads/order-rows.ts'

const partitions = 4
const messages = 60_000
const perSend = 1_000
const maxMessageBytes = 1_000_000
/** So many messages a second, one by one, for the delay. */
const perSecond = 200
const paced = 1_000
const type = 'OrderChanged'

/** The log onto a topic and from there into a worker's hands, beside the client alone. */
export const kafkaBus: readonly Goal[] = [
  {
    id: 'K1.publish',
    name: `publish a log to ${partitions} partitions of Kafka`,
    unit: 'messages/s',
    target: 0.8,
    sense: 'at-least',
    ceilingName: `the client's own produce loop, sends of ${perSend}, one under way per partition`,
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
  {
    id: 'K2.delay',
    name: `from the log over Kafka into a worker's hands at ${perSecond} events/s, p50`,
    unit: 'ms',
    target: 1.25,
    sense: 'at-most',
    ceilingName: "the client's own produce and consume loop",
    onRequest: true,
    prepare: prepareDelay,
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
  const texts = events.map((event) => JSON.stringify(event.data))
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
      await sendAll(producer, topic, texts.slice(0, perSend))
      const measured = await rate(lab, () => sendAll(producer, topic, texts))
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

async function prepareDelay(lab: Lab): Promise<PreparedGoal> {
  const here = broker()
  return {
    async product() {
      const topic = await here.topic()
      const [sending, reading] = [here.bus(topic), here.bus(topic)]
      const log = new TestLog()
      const clock = systemClock()
      const relay = relayOf(sending, log)
      const arrived = new Map<bigint, number>()
      let after = 0n
      const tail: BusTail = new BusTail({
        bus: reading,
        log,
        types: [type],
        clock,
        onGrown: () => void take(),
      })
      const take = async (): Promise<void> => {
        const page = await tail.read({ after, slots: [{ from: 0, to: 255 }], limit: 1_000 })
        const now = performance.now()
        for (const { position } of page.events)
          if (!arrived.has(position)) arrived.set(position, now)
        if (page.through > after) after = page.through
      }
      await until(() => tail.status().connected && relay.status().state === 'active')
      const measured = await delays(lab, async (n) => {
        const sent = performance.now()
        log.grow([events[n]!])
        relay.wake()
        return () => (arrived.get(BigInt(n + 1)) ?? Number.NaN) - sent
      })
      await tail.close()
      await relay.stop()
      await Promise.all([sending.close(), reading.close()])
      return measured
    },
    async ceiling() {
      const topic = await here.topic()
      const [producer, consumer] = [producerOf(here), consumerOf(here)]
      const arrived = new Map<string, number>()
      const stream = await consumer.consume({ topics: [topic], mode: 'latest', minBytes: 1 })
      stream.on('data', ({ key }) => void arrived.set(key, performance.now()))
      await producer.send({ messages: [{ topic, partition: 0, key: 'first', value: '{}' }] })
      await until(() => arrived.has('first'))
      const measured = await delays(lab, async (n) => {
        const sent = performance.now()
        const value = JSON.stringify(events[n]!.data)
        void producer.send({
          messages: [{ topic, partition: n % partitions, key: String(n), value }],
        })
        return () => (arrived.get(String(n)) ?? Number.NaN) - sent
      })
      await consumer.close(true)
      await producer.close()
      return measured
    },
    close: () => here.close(),
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

/** Every partition has one send under way. */
async function sendAll(
  producer: OwnProducer,
  topic: string,
  texts: readonly string[],
): Promise<void> {
  const share = Math.ceil(texts.length / partitions)
  await Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const own = texts.slice(partition * share, (partition + 1) * share)
      for (let at = 0; at < own.length; at += perSend)
        await producer.send({
          messages: own
            .slice(at, at + perSend)
            .map((value, i) => ({ topic, partition, key: String(at + i), value })),
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

/** `send` begins a message and gives what tells, later, how long it took. */
async function delays(lab: Lab, send: (n: number) => Promise<() => number>): Promise<Measured> {
  const took: (() => number)[] = []
  const { cpuUsPerOp } = await withCpu(lab.serverPids(), async () => {
    const began = performance.now()
    for (let n = 0; n < paced; n++) {
      await sleep(began + (n * 1_000) / perSecond - performance.now())
      took.push(await send(n))
    }
    await sleep(1_000)
    return { operations: paced }
  })
  const found = took
    .map((one) => one())
    .filter((ms) => !Number.isNaN(ms))
    .toSorted((a, b) => a - b)
  if (found.length < paced)
    throw new Error(`expected ${paced} messages to arrive within a second, got ${found.length}`)
  return { value: quantile(found, 0.5), cpuUsPerOp, also: { p99: quantile(found, 0.99) } }
}

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 120_000
  while (!holds()) {
    if (performance.now() > end) throw new Error('expected this within two minutes')
    await sleep(1)
  }
}
