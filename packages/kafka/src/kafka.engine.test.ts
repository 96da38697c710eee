import { afterEach, expect, test } from 'vitest'
import { busSuite } from '../../conformance/src/bus-suite.ts'
import {
  Collector,
  expectPositions,
  sampleMessages,
} from '../../conformance/src/bus/bus-under-test.ts'
import { refuses } from '../../conformance/src/suite.ts'
import { engine } from '../../../test/support/engines.ts'
import { kafka } from './kafka.ts'
import { kafkaWorld, type KafkaWorld } from '../test/kafka-world.ts'

const single = engine('kafka')

const worlds: KafkaWorld[] = []
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((one) => one.close()))
})

function world(
  ...args: Parameters<typeof kafkaWorld> extends [unknown, ...infer R] ? R : never
): KafkaWorld {
  const made = kafkaWorld(single, ...args)
  worlds.push(made)
  return made
}

const safe = {
  'cleanup.policy': 'delete',
  'retention.ms': '86400000',
  'max.message.bytes': '1100000',
}

single.describe('kafka as a bus', () => {
  busSuite({
    test,
    name: 'kafka',
    create: async () => {
      const made = kafkaWorld(single)
      return { connect: async () => made.connect(), remove: () => made.close() }
    },
  })
})

single.describe('the topic', () => {
  test('is made with the settings that keep messages', async () => {
    const here = world()
    const { brokers, topic } = here
    const bus = kafka({ brokers, topic, partitions: 6, durability: 'single' })
    await bus.layout()
    await bus.close()
    const [described] = await here.admin.describeConfigs({
      resources: [{ resourceType: 2, resourceName: here.topic }],
    })
    const configs = new Map(described!.configs.map(({ name, value }) => [name, value]))
    expect(configs.get('cleanup.policy')).toBe('delete')
    expect(configs.get('retention.ms')).toBe('604800000')
    expect(configs.get('max.message.bytes')).toBe('1002048')
    expect(configs.get('unclean.leader.election.enable')).toBe('false')
    const { topics } = await here.admin.metadata({ topics: [here.topic], forceUpdate: true })
    expect(topics.get(here.topic)!.partitionsCount).toBe(6)
  })

  test('is made once when many processes start together', async () => {
    const here = world()
    const layouts = await Promise.all(Array.from({ length: 5 }, () => here.connect().layout()))
    expect(new Set(layouts.map(({ incarnation }) => incarnation)).size).toBe(1)
  })

  test.for([
    [{ 'cleanup.policy': 'compact' }, 'cleanup.policy delete'],
    [{ 'cleanup.policy': 'compact,delete' }, 'compaction removes events'],
    [{ 'retention.ms': '60000' }, 'retention.ms of 3600000'],
    [{ 'max.message.bytes': '50000' }, 'max.message.bytes of 1002048'],
  ] as const)('with %j is refused', async ([configs, text]) => {
    const here = world()
    await here.create({ ...safe, ...configs })
    const error = await refuses(here.connect().layout(), 'BUS_UNSUITABLE')
    expect(error.message).toContain(text)
    expect(error.message).toContain(here.topic)
  })

  test('with one copy is refused unless that is said to be enough', async () => {
    const here = world()
    await here.create(safe)
    const error = await refuses(
      here.connect({ durability: 'replicated' }).layout(),
      'BUS_UNSUITABLE',
    )
    expect(error.message).toMatch(/replication factor of 3.*got 1.*durability: 'single'/)
    await here.connect({ durability: 'single' }).layout()
  })

  test('that needs more brokers than there are is not made', async () => {
    const here = world({ durability: 'replicated' })
    const error = await refuses(here.connect().layout(), 'BUS_UNSUITABLE')
    expect(error.message).toContain('replication factor of 3')
  })
})

single.describe('kafka', () => {
  test('a partition that does not exist is refused, where the client would take another one', async () => {
    const bus = world().connect()
    const layout = await bus.layout()
    const messages = sampleMessages({ layout, partition: 0, count: 1 })
    await refuses(bus.publish(layout.partitions, messages, layout.incarnation), 'BUS_CHANGED')
  })

  test('a topic made anew is noticed at the next send, and what went into it blindly proves nothing', async () => {
    const here = world()
    const bus = here.connect()
    const layout = await bus.layout()
    await bus.publish(0, sampleMessages({ layout, partition: 0, count: 50 }), layout.incarnation)
    await here.admin.deleteTopics({ topics: [here.topic] })
    await here.connect().layout()
    const next = sampleMessages({ layout, partition: 0, after: 50, count: 5 })
    await expect(bus.publish(0, next, layout.incarnation)).rejects.toMatchObject({
      code: expect.stringMatching(/BUS_CHANGED|UNAVAILABLE/),
    })
    const now = await bus.layout()
    expect(now.incarnation).not.toBe(layout.incarnation)
    expect(await bus.lastPublished(0)).toBeUndefined()
    await bus.publish(0, sampleMessages({ layout, partition: 0, count: 55 }), now.incarnation)
    expect((await bus.lastPublished(0))?.position).toBe(55n)
  })

  test('a subscription ends when its topic is deleted, and when it is trimmed beyond it', async () => {
    const here = world()
    const bus = here.connect()
    const layout = await bus.layout()
    await bus.publish(0, sampleMessages({ layout, partition: 0, count: 50 }), layout.incarnation)
    await bus.publish(1, sampleMessages({ layout, partition: 1, count: 50 }), layout.incarnation)
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
    const slow = new Collector()
    const trimmed = await slow.subscribe(bus, 0, 0n, () => held)
    await slow.until(50n)
    await bus.publish(
      0,
      sampleMessages({ layout, partition: 0, after: 50, count: 50 }),
      layout.incarnation,
    )
    await here.admin.deleteRecords({
      topics: [{ name: here.topic, partitions: [{ partition: 0, offset: -1n }] }],
    })
    letGo()
    expect(await trimmed.ended).toMatchObject({ code: 'BUS_CHANGED' })
    const deleted = await new Collector().subscribe(bus, 1, 0n)
    await here.admin.deleteTopics({ topics: [here.topic] })
    expect(await deleted.ended).toMatchObject({ code: 'BUS_CHANGED' })
  })

  test('a partition trimmed to its end has no last message, and goes on', async () => {
    const here = world()
    const bus = here.connect()
    const layout = await bus.layout()
    await bus.publish(0, sampleMessages({ layout, partition: 0, count: 20 }), layout.incarnation)
    await here.admin.deleteRecords({
      topics: [{ name: here.topic, partitions: [{ partition: 0, offset: -1n }] }],
    })
    expect(await bus.lastPublished(0)).toBeUndefined()
    await bus.publish(
      0,
      sampleMessages({ layout, partition: 0, after: 20, count: 20 }),
      layout.incarnation,
    )
    expect((await bus.lastPublished(0))?.position).toBe(40n)
    const collector = new Collector()
    await collector.subscribe(bus, 0, 5n)
    await collector.until(40n)
    expectPositions(collector.positions, 21, 40)
  })

  test('messages of others in the topic are passed over', async () => {
    const here = world()
    const bus = here.connect()
    const layout = await bus.layout()
    await bus.publish(0, sampleMessages({ layout, partition: 0, count: 10 }), layout.incarnation)
    for (const value of ['hello', '{}', '']) await here.write(0, value, { position: 'x' })
    expect((await bus.lastPublished(0))?.position).toBe(10n)
    const collector = new Collector()
    await collector.subscribe(bus, 0, 4n)
    await expect.poll(() => collector.deliveries.length).toBeGreaterThanOrEqual(9)
  })

  test('a place in a long partition is found without reading it', async () => {
    const here = world()
    const bus = here.connect()
    const layout = await bus.layout()
    for (let after = 0; after < 40_000; after += 1_000)
      await bus.publish(
        2,
        sampleMessages({ layout, partition: 2, after, count: 1_000, size: 10 }),
        layout.incarnation,
      )
    for (const after of [39_990n, 20_000n, 777n]) {
      const collector = new Collector()
      const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
      const subscription = await collector.subscribe(bus, 2, after, () => held)
      await expect.poll(() => collector.deliveries.length).toBeGreaterThan(0)
      const [first] = collector.positions
      expect(first).toBeLessThanOrEqual(after + 1n)
      expect(first).toBeGreaterThan(after - 2_500n)
      letGo()
      await subscription.close()
    }
  })

  test('brokers that nobody answers at are named, and closing does not wait for them', async () => {
    const bus = world({ brokers: ['127.0.0.1:1'] }).connect()
    const error = await refuses(bus.layout(), 'UNAVAILABLE')
    expect(error.message).toContain('127.0.0.1:1')
    const waiting = bus.layout()
    waiting.catch(() => undefined)
    await bus.close()
    await refuses(waiting, 'ADAPTER_CLOSED')
  })
})
