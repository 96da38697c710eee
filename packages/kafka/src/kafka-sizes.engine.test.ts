import { startRelay, systemClock, type Relay } from 'tailrace/adapter'
import { afterEach, expect, test } from 'vitest'
import { MemoryLeases } from '../../conformance/src/memory-leases.ts'
import { engine } from '../../../test/support/engines.ts'
import { until } from '../../../test/support/worker-rig.ts'
import { GrowingLog } from '../../tailrace/test/growing-log.ts'
import { kafkaWorld, type KafkaWorld } from '../test/kafka-world.ts'
import { everythingOn } from '../test/relay-world.ts'
import type { KafkaOptions } from './kafka.ts'

const single = engine('kafka')

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

function world(options: Partial<KafkaOptions> = {}): KafkaWorld {
  const made = kafkaWorld(single, { partitions: 1, retries: 3, ...options })
  closing.push(() => made.close())
  return made
}

/** A relay with the settings that it has in production. */
function relayOf(log: GrowingLog, here: KafkaWorld): Relay {
  const clock = systemClock()
  const relay = startRelay({ bus: here.connect(), log, leases: new MemoryLeases(clock), clock })
  closing.push(() => relay.stop())
  return relay
}

async function arrives(log: GrowingLog, relay: Relay, here: KafkaWorld): Promise<void> {
  const said = (): string => `position ${log.last}, got ${JSON.stringify(relay.status(), asText)}`
  await until(() => relay.status().position >= log.last, 'all of it', 20_000).catch(() => {
    throw new Error(`expected ${said()}`)
  })
  expect(await everythingOn(here.connect(), log.last)).toHaveLength(Number(log.last))
}

function asText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

/** The events of tests are older than what a topic keeps by default. */
const forEver = { 'retention.ms': '-1' }

const minute = { timeout: 60_000 }

single.describe('a backlog', () => {
  for (const [what, options, data] of [
    ['in Chinese', {}, (n: number) => ({ n, text: '訂單已經送達請盡快取貨'.repeat(27) })],
    ['in English', {}, (n: number) => ({ n, text: 'the order is here'.repeat(17) })],
    [
      'for a topic that takes little at once',
      { maxMessageBytes: 100_000 },
      (n: number) => ({ n, text: 'x'.repeat(200) }),
    ],
  ] as const)
    test(`${what} is published at the first try`, minute, async () => {
      const here = world(options)
      const log = new GrowingLog()
      log.record(1_000, data)
      const relay = relayOf(log, here)
      await arrives(log, relay, here)
      expect(relay.status()).toMatchObject({ state: 'active', failures: 0 })
    })
})

/** A body that is as large as a topic that the check accepts takes whole messages. */
const largest = 1_000_000

single.describe('a message near the limit', () => {
  test('is published without its data when its key makes it too large', minute, async () => {
    const here = world()
    const log = new GrowingLog()
    log.record(3, (n) => ({ text: n === 2 ? 'x'.repeat(largest - 5_000) : 'short' }))
    Object.assign(log.events[1]!, { stream: 's'.repeat(2_200) })
    const relay = relayOf(log, here)
    await arrives(log, relay, here)
    expect(relay.status().failures).toBe(0)
  })

  test(
    'is published without its data when the topic takes no more than a body',
    minute,
    async () => {
      const here = world()
      await here.create({ ...forEver, 'max.message.bytes': String(largest) }, { partitions: 1 })
      const log = new GrowingLog()
      log.record(3, (n) => ({ text: n === 2 ? 'x'.repeat(largest - 550) : 'short' }))
      const relay = relayOf(log, here)
      await arrives(log, relay, here)
      expect(relay.status().failures).toBe(0)
    },
  )
})

single.describe('a topic', () => {
  test('that is made to take less while it is written to costs one failure', minute, async () => {
    const here = world({ maxMessageBytes: 100_000 })
    await here.create({ ...forEver, 'max.message.bytes': '1000000' }, { partitions: 1 })
    const log = new GrowingLog()
    log.record(10)
    const relay = relayOf(log, here)
    await arrives(log, relay, here)
    await here.configure({ 'max.message.bytes': '100000' })
    log.record(1_000)
    relay.wake()
    await arrives(log, relay, here)
    expect(relay.status().failures).toBe(1)
  })
})
