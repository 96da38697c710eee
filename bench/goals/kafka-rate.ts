import type { BusMessage, RecordedEvent } from 'tailrace/adapter'
import type { Lab } from '../engines/lab.ts'
import type { Goal, Measured, PreparedGoal } from '../harness/goal.ts'
import { withCpu } from '../harness/measured-window.ts'
import {
  broker,
  consumerOf,
  events,
  messages,
  messagesOf,
  openProduct,
  partitions,
  producerOf,
  readAll,
  relayOf,
  TestLog,
  until,
  type OwnProducer,
} from '../workloads/kafka-topic.ts'

const perSend = 1_000
const warmUp = 1_000

/** The log onto a topic and from there into a worker's hands, beside the client alone. */
export const kafkaRate: readonly Goal[] = [
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

async function preparePublish(lab: Lab): Promise<PreparedGoal> {
  const here = broker()
  const made = messagesOf(events)
  return {
    async product() {
      const { log, relay, close } = await openProduct(here)
      const grown = async (some: readonly RecordedEvent[]): Promise<void> => {
        log.grow(some)
        relay.wake()
        await until(() => relay.status().position >= some.at(-1)!.position)
      }
      // As in the ceiling, connections are there when the measuring begins.
      await grown(events.slice(0, warmUp))
      const measured = await rate(lab, () => grown(events.slice(warmUp)), messages - warmUp)
      await close()
      return measured
    },
    async ceiling() {
      const topic = await here.topic()
      const producer = producerOf(here)
      await sendAll(
        producer,
        topic,
        made.map((some) => some.slice(0, warmUp / partitions)),
      )
      const rest = made.map((some) => some.slice(warmUp / partitions))
      const measured = await rate(lab, () => sendAll(producer, topic, rest), messages - warmUp)
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
        const endReading = await readAll(bus, (count) => (read += count))
        await until(() => read >= messages)
        await endReading()
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

async function rate(lab: Lab, run: () => Promise<void>, operations = messages): Promise<Measured> {
  const began = performance.now()
  const { cpuUsPerOp } = await withCpu(lab.serverPids(), async () => {
    await run()
    return { operations }
  })
  return { value: (operations * 1_000) / (performance.now() - began), cpuUsPerOp }
}
