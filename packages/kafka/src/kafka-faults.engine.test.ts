import { afterEach, expect, test } from 'vitest'
import { engine, type TestEngine } from '../../../test/support/engines.ts'
import { until } from '../../../test/support/worker-rig.ts'
import { BrokerDisk, noSmallDisk } from '../test/broker-disk.ts'
import { kafkaWorld, type KafkaWorld } from '../test/kafka-world.ts'
import { everythingOn, relayWorld, type RelayWorld } from '../test/relay-world.ts'

const single = engine('kafka')
const cluster = engine('kafka3')

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

function open(on: TestEngine): { readonly kafka: KafkaWorld; readonly world: RelayWorld } {
  const kafka = kafkaWorld(on)
  closing.push(() => kafka.close())
  const world = relayWorld(kafka)
  closing.push(() => world.stop())
  return { kafka, world }
}

function upTo(last: bigint): bigint[] {
  return Array.from({ length: Number(last) }, (_, i) => BigInt(i + 1))
}

/** Records steadily until told to stop; gives the last position. */
function load(world: RelayWorld): () => Promise<bigint> {
  let running = true
  let last = 0n
  const done = (async () => {
    while (running) {
      last = world.record(20)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  return async () => {
    running = false
    await done
    return last
  }
}

async function expectNothingLost(
  { kafka, world }: ReturnType<typeof open>,
  head: bigint,
): Promise<void> {
  await world.readUpTo(head)
  await world.published(head, 60_000)
  expect(world.read.slice(0, Number(head))).toEqual(upTo(head))
  const found = await everythingOn(kafka.connect(), BigInt(world.log.events.length))
  expect(found).toEqual(upTo(BigInt(world.log.events.length)))
}

const minute = { timeout: 120_000 }

cluster.describeFaults('a cluster of three brokers', () => {
  test(
    'a broker that is killed under load is a delay: nothing is lost, and the bus serves again',
    minute,
    async () => {
      const here = open(cluster)
      const { world } = here
      await world.servedByBus()
      const stop = load(world)
      await world.published(500n)
      await cluster.kill(1)
      try {
        const before = world.relay.status().position
        await until(
          () => world.relay.status().position > before + 1_000n,
          'to go on with two brokers',
          60_000,
        )
      } finally {
        await cluster.start(1)
      }
      await expectNothingLost(here, await stop())
      await world.servedByBus()
    },
  )

  test('a broker that is frozen under load is a delay', minute, async () => {
    const here = open(cluster)
    const { world } = here
    await world.servedByBus()
    const stop = load(world)
    await world.published(500n)
    cluster.pause(2)
    try {
      const before = world.relay.status().position
      await until(
        () => world.relay.status().position > before + 500n,
        'to go on with two brokers',
        60_000,
      )
    } finally {
      cluster.resume(2)
    }
    await expectNothingLost(here, await stop())
  })
})

single.describeFaults('one broker', () => {
  test(
    'that is killed and started again is a delay, and meanwhile readers have the log',
    minute,
    async () => {
      const here = open(single)
      const { world } = here
      await world.servedByBus()
      const stop = load(world)
      await world.published(500n)
      await single.kill()
      try {
        await world.readUpTo(world.record(100))
      } finally {
        await single.start()
      }
      await expectNothingLost(here, await stop())
      await world.servedByBus()
    },
  )

  test(
    'that stays away longer than a send is tried again is waited for, and the status says why',
    minute,
    async () => {
      const kafka = kafkaWorld(single)
      closing.push(() => kafka.close())
      const world = relayWorld(kafka, { retries: 2 })
      closing.push(() => world.stop())
      await world.published(world.record(100))
      await single.kill()
      try {
        world.record(100)
        await until(() => world.relay.status().state === 'waiting', 'the relay to wait', 60_000)
        expect(world.relay.status().lastError).toMatch(/expected the brokers of topic .* to answer/)
        expect(world.relay.status().position).toBe(100n)
      } finally {
        await single.start()
      }
      await expectNothingLost({ kafka, world }, 200n)
    },
  )

  test(
    'whose disk is full ends, and is waited for: readers have the log, and nothing is lost',
    minute,
    async (context) => {
      const why = noSmallDisk()
      if (why !== undefined) return context.skip(why)
      await single.kill()
      let disk: BrokerDisk | undefined
      try {
        disk = new BrokerDisk('kafka')
        await single.start()
        const kafka = kafkaWorld(single)
        closing.push(() => kafka.close())
        const world = relayWorld(kafka, { retries: 2 })
        closing.push(() => world.stop())
        await world.servedByBus()
        disk.fill()
        const stop = load(world)
        await until(() => world.relay.status().state === 'waiting', 'the relay to wait', 60_000)
        expect(world.relay.status().lastError).toMatch(/expected the brokers of topic .* to answer/)
        const behind = world.relay.status().position
        await world.readUpTo(behind + 1_000n)
        expect(world.relay.status().position).toBe(behind)
        disk.free()
        // It has ended by itself, or does so now.
        await single.stop()
        await single.start()
        await expectNothingLost({ kafka, world }, await stop())
        await world.servedByBus()
        for (const close of closing.splice(0).toReversed()) await close()
      } finally {
        await single.stop()
        disk?.remove()
        await single.start()
      }
    },
  )
})

single.describe('the topic', () => {
  test('trimmed while it is read is a delay', minute, async () => {
    const { kafka, world } = open(single)
    await world.servedByBus()
    const stop = load(world)
    await world.published(1_000n)
    const partitions = [0, 1, 2, 3].map((partition) => ({ partition, offset: -1n }))
    await kafka.admin.deleteRecords({ topics: [{ name: kafka.topic, partitions }] })
    const head = await stop()
    await world.readUpTo(head)
    expect(world.read.slice(0, Number(head))).toEqual(upTo(head))
    await world.servedByBus()
  })

  test(
    'deleted and made anew is a delay, and it is filled again from the log',
    minute,
    async () => {
      const here = open(single)
      const { kafka, world } = here
      await world.servedByBus()
      const stop = load(world)
      await world.published(1_000n)
      await kafka.admin.deleteTopics({ topics: [kafka.topic] })
      await until(() => world.relay.status().asked > 1, 'the relay to notice', 30_000)
      await expectNothingLost(here, await stop())
      await world.servedByBus()
    },
  )

  test('that keeps messages for an hour is not filled with what is older, and readers have the log', async () => {
    const kafka = kafkaWorld(single, { retentionMs: 3_600_000 })
    closing.push(() => kafka.close())
    const world = relayWorld(kafka)
    closing.push(() => world.stop())
    expect((await kafka.connect().layout()).keepsMs).toBe(3_600_000)
    // The log of tests is of a fixed day.
    const head = world.record(5_000)
    await world.readUpTo(head)
    await world.published(head)
    expect(world.read).toEqual(upTo(head))
    expect(world.relay.status().published).toBe(0)
  })

  test('with partitions added is a delay, and each slot stays in order', minute, async () => {
    const { kafka, world } = open(single)
    await world.servedByBus()
    const stop = load(world)
    await world.published(1_000n)
    await kafka.admin.createPartitions({
      topics: [{ name: kafka.topic, count: 7 }],
    })
    await until(() => world.relay.status().asked > 1, 'the relay to notice', 30_000)
    const head = await stop()
    await world.readUpTo(head)
    expect(world.read.slice(0, Number(head))).toEqual(upTo(head))
    await world.servedByBus()
    expect((await kafka.connect().layout()).partitions).toBe(7)
  })
})
