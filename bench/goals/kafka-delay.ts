import type { Lab } from '../engines/lab.ts'
import { quantile } from '../harness/closed-loop.ts'
import type { Goal, Measured, PreparedGoal } from '../harness/goal.ts'
import { withCpu } from '../harness/measured-window.ts'
import {
  broker,
  consumerOf,
  events,
  messagesOf,
  openProduct,
  partitions,
  producerOf,
  readAll,
} from '../workloads/kafka-topic.ts'

/** Events that are sent one by one. */
const singles = 400

export const kafkaDelay: readonly Goal[] = [
  {
    id: 'K2',
    name: 'one event at a time: from the log over Kafka into the hands of a reader',
    unit: 'ms',
    target: 1.25,
    sense: 'at-most',
    ceilingName: "the client's own send and consume stream of the same message",
    onRequest: true,
    prepare: prepareDelay,
  },
]

/** Each event is sent when the one before has arrived. */
async function prepareDelay(lab: Lab): Promise<PreparedGoal> {
  const here = broker()
  const made = messagesOf(events).flat().slice(0, singles)
  return {
    async product() {
      const { bus, log, relay, close } = await openProduct(here)
      const arrivals = new Arrivals()
      const endReading = await readAll(bus, (count) => arrivals.add(count))
      const measured = await delays(lab, arrivals, (i) => {
        log.grow([events[i]!])
        relay.wake()
      })
      await endReading()
      await close()
      return measured
    },
    async ceiling() {
      const topic = await here.topic()
      const producer = producerOf(here)
      const consumer = consumerOf(here)
      const arrivals = new Arrivals()
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest' })
      const reading = (async () => {
        for await (const { value } of stream) {
          JSON.parse(value)
          arrivals.add(1)
          if (arrivals.count === singles) break
        }
      })()
      const measured = await delays(lab, arrivals, (i) => {
        const { key, body, headers } = made[i]!
        const message = { topic, partition: i % partitions, key, value: body, headers }
        producer.send({ messages: [message] }).catch(arrivals.fail)
      })
      await reading
      await consumer.close(true)
      await producer.close()
      return measured
    },
    close: () => here.close(),
  }
}

/** What has arrived so far, to be waited for. */
class Arrivals {
  count = 0
  #wanted = 0
  #waiting = Promise.withResolvers<void>()

  add(some: number): void {
    this.count += some
    if (this.count >= this.#wanted) this.#waiting.resolve()
  }

  fail = (error: unknown): void => this.#waiting.reject(error)

  async reach(count: number): Promise<void> {
    this.#wanted = count
    this.#waiting = Promise.withResolvers()
    if (this.count >= count) return
    const late = setTimeout(() => this.fail(new Error('expected a message within 30 s')), 30_000)
    await this.#waiting.promise.finally(() => clearTimeout(late))
  }
}

async function delays(lab: Lab, arrivals: Arrivals, send: (i: number) => void): Promise<Measured> {
  const took: number[] = []
  const { cpuUsPerOp } = await withCpu(lab.serverPids(), async () => {
    for (let i = 0; i < singles; i++) {
      const began = performance.now()
      send(i)
      await arrivals.reach(i + 1)
      // Connections are made, and code is compiled.
      if (i >= singles / 4) took.push(performance.now() - began)
    }
    return { operations: singles }
  })
  const sorted = took.toSorted((a, b) => a - b)
  const p50 = quantile(sorted, 0.5)
  return { value: p50, cpuUsPerOp, also: { p50, p99: quantile(sorted, 0.99) } }
}
