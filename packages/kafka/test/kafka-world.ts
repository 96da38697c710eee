import {
  Admin,
  ConfigResourceTypes,
  IncrementalAlterConfigOperationTypes,
  Producer,
  stringSerializers,
} from '@platformatic/kafka'
import type { Bus } from 'tailrace/adapter'
import type { TestEngine } from '../../../test/support/engines.ts'
import { kafka, type KafkaOptions } from '../src/kafka.ts'

let topics = 0

/** A topic of one test, and what people do to topics. */
export interface KafkaWorld {
  readonly topic: string
  readonly brokers: readonly string[]
  readonly admin: Admin
  /** A connection as a process has it. Closed with the world. */
  connect(options?: Partial<KafkaOptions>): Bus
  /** Makes the topic with settings of its own. */
  create(
    configs: Readonly<Record<string, string>>,
    more?: { readonly partitions?: number; readonly replicas?: number },
  ): Promise<void>
  /** Gives it other settings. */
  configure(configs: Readonly<Record<string, string>>): Promise<void>
  /** Writes anything into it. */
  write(partition: number, value: string, headers?: Record<string, string>): Promise<void>
  close(): Promise<void>
}

/**
 * The logs of tests are of a fixed day, and Kafka counts how long it keeps a message from the message's own time: every five
 * minutes it would remove them all.
 */
const forTests = { partitions: 4, retentionMs: -1 }

export function kafkaWorld(engine: TestEngine, more: Partial<KafkaOptions> = {}): KafkaWorld {
  const topic = `t-${process.pid}-${Date.now().toString(36)}-${++topics}`
  const brokers = engine.url.split(',')
  const base = {
    clientId: 'test',
    bootstrapBrokers: [...brokers],
    strict: true,
    retries: 20,
    retryDelay: 200,
  }
  const admin = new Admin(base)
  const open: Bus[] = []
  const single = engine.nodes === 1 ? ({ durability: 'single' } as const) : {}
  return {
    topic,
    brokers,
    admin,
    connect(options = {}) {
      const bus = kafka({ brokers, topic, ...forTests, ...single, ...more, ...options })
      open.push(bus)
      return bus
    },
    async create(configs, { partitions = 4, replicas = 1 } = {}) {
      await admin.createTopics({
        topics: [topic],
        partitions,
        replicas,
        configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
      })
    },
    async configure(configs) {
      const configOperation = IncrementalAlterConfigOperationTypes.SET
      await admin.incrementalAlterConfigs({
        resources: [
          {
            resourceType: ConfigResourceTypes.TOPIC,
            resourceName: topic,
            configs: Object.entries(configs).map(([name, value]) => ({
              name,
              value,
              configOperation,
            })),
          },
        ],
      })
    },
    async write(partition, value, headers = {}) {
      const producer = new Producer({ ...base, serializers: stringSerializers })
      await producer.send({ messages: [{ topic, partition, value, headers }], acks: -1 })
      await producer.close()
    },
    async close() {
      await Promise.all(open.map((bus) => bus.close()))
      await admin.deleteTopics({ topics: [topic] }).catch(() => undefined)
      await admin.close()
    },
  }
}
