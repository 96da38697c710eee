import * as fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { until } from '../../../../test/support/worker-rig.ts'
import { FaultyBus, type BusFaults } from '../../../conformance/src/faulty-bus.ts'
import { MemoryBus, MemoryTopic } from '../../../conformance/src/memory-bus.ts'
import { MemoryLeases } from '../../../conformance/src/memory-leases.ts'
import { GrowingLog } from '../../test/growing-log.ts'
import type { Bus } from '../ports/bus.ts'
import type { EventLog, LogRead } from '../ports/event-log.ts'
import { systemClock } from '../run/system-clock.ts'
import { mulberry32 } from '../testing/test-clock.ts'
import { BusTail } from './bus-tail.ts'
import type { DoubtSettings } from './bus-window.ts'
import { readPlace } from './message-headers.ts'
import { startRelay, type Relay } from './relay.ts'

const clock = systemClock()
const all = [{ from: 0, to: 255 }]
/** The patience of a test. */
const quick: DoubtSettings = { holeMs: 5, lateMs: 40, silentMs: 60, behindMs: 10 }
/** As little doubt as possible: what is served, the bus has brought. */
const patient: DoubtSettings = {
  holeMs: 60_000,
  lateMs: 60_000,
  silentMs: 60_000,
  behindMs: 60_000,
}

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

interface World {
  readonly topic: MemoryTopic
  readonly log: GrowingLog
  readonly relay: Relay
  tail(bus?: Bus, settings?: DoubtSettings, onGrown?: () => void): BusTail
}

function world(partitions = 3, relayLog?: EventLog): World {
  const topic = new MemoryTopic(partitions)
  const log = new GrowingLog()
  const relay = startRelay({
    bus: new MemoryBus(topic),
    log: relayLog ?? log,
    leases: new MemoryLeases(clock),
    clock,
    settings: { layoutEveryMs: 10, pageSize: 200 },
  })
  closing.push(() => relay.stop())
  return {
    topic,
    log,
    relay,
    tail(bus = new MemoryBus(topic), settings = patient, onGrown = () => undefined) {
      const types = ['A', 'B', 'C']
      const tail = new BusTail({ bus, log, types, clock, onGrown, settings })
      closing.push(() => tail.close())
      return tail
    },
  }
}

/** Reads like a projection does, until a position. */
async function follow(
  source: Pick<EventLog, 'read'>,
  from: bigint,
  to: bigint,
  options: Omit<LogRead, 'after'> = { slots: all, limit: 100 },
): Promise<bigint[]> {
  const positions: bigint[] = []
  const end = clock.monotonic() + 10_000
  for (let after = from; after < to;) {
    const page = await source.read({ ...options, after })
    positions.push(...page.events.map(({ position }) => position))
    if (page.through === after) await clock.sleep(1)
    after = page.through
    if (clock.monotonic() > end) throw new Error(`expected to read up to ${to}, got ${after}`)
  }
  return positions
}

function upTo(last: bigint, first = 1n): bigint[] {
  return Array.from({ length: Number(last - first + 1n) }, (_, i) => first + BigInt(i))
}

test('who is near the head is served by the bus, and the log is not read', async () => {
  const here = world()
  here.log.record(50)
  const tail = here.tail()
  expect(await follow(tail, 0n, 50n)).toEqual(upTo(50n))
  await until(() => tail.status().connected, 'the bus to be read')
  here.log.record(500)
  here.relay.wake()
  await until(() => tail.status().position === '550', 'the bus to bring them')
  const { logReads } = tail.status()
  const readers = [
    { slots: all, limit: 100 },
    { slots: [{ from: 0, to: 63 }], limit: 30, types: ['A'] },
  ]
  for (const reader of readers) {
    const wanted = await follow(here.log, 50n, 550n, reader)
    expect(await follow(tail, 50n, 550n, reader)).toEqual(wanted)
  }
  expect(tail.status()).toMatchObject({
    logReads,
    gapsHealed: { lost: 0, hole: 0, late: 0, silent: 0 },
  })
})

test('what the bus brought of the end that a restore has lost is not served, also when no call failed', async () => {
  const here = world()
  here.log.record(50)
  const tail = here.tail()
  await follow(tail, 0n, 50n)
  await until(() => tail.status().connected, 'the bus to be read')
  here.log.record(30)
  here.relay.wake()
  await until(() => tail.status().position === '80', 'the bus to bring them')
  here.log.lose(20)
  Object.assign(here.log, { identity: { ...here.log.identity, epoch: 2 } })
  const page = await tail.read({ after: 55n, slots: all, limit: 100 })
  expect(page.events.map(({ position }) => position)).toEqual(upTo(60n, 56n))
  expect(page.through).toBe(60n)
})

test('who is far behind reads the log', async () => {
  const here = world()
  here.log.record(20_000)
  const tail = here.tail()
  await tail.read({ after: 19_990n, slots: all, limit: 100 })
  expect(await follow(tail, 0n, 20_000n, { slots: all, limit: 1_000 })).toEqual(upTo(20_000n))
})

test('readers are told when there is something new', async () => {
  const here = world()
  let grown = 0
  const tail = here.tail(undefined, patient, () => grown++)
  await tail.read({ after: 0n, slots: all, limit: 10 })
  await until(() => tail.status().connected, 'the bus to be read')
  here.log.record(1)
  here.relay.wake()
  await until(() => grown > 0, 'to be told')
  expect((await tail.read({ after: 0n, slots: all, limit: 10 })).events).toHaveLength(1)
})

const faults: Readonly<Record<string, BusFaults>> = {
  'messages are lost': { drop: 0.05 },
  'messages come twice': { duplicate: 0.3 },
  'messages change places': { reorder: 0.2 },
  'messages come late': { delay: 0.3, delayMs: 15 },
  'messages are damaged': { damage: 0.05 },
  'all of it happens': {
    drop: 0.03,
    duplicate: 0.1,
    reorder: 0.1,
    delay: 0.1,
    delayMs: 10,
    damage: 0.02,
  },
}

test.for(Object.entries(faults))(
  'any reader gets exactly what the log holds when %s',
  async ([, fault]) => {
    const here = world()
    here.log.record(10)
    const bus = new FaultyBus(new MemoryBus(here.topic), { ...clock, random: mulberry32(7) }, fault)
    const tail = here.tail(bus, quick)
    const readers = [
      { slots: all, limit: 100 },
      { slots: [{ from: 0, to: 99 }], limit: 7, types: ['A', 'C'] },
      { slots: [{ from: 100, to: 255 }], limit: 40 },
    ]
    await tail.read({ after: 0n, slots: all, limit: 100 })
    await until(() => tail.status().connected, 'the bus to be read')
    const reading = readers.map((reader) => follow(tail, 0n, 3_000n, reader))
    for (let recorded = 10; recorded < 3_000; recorded += 115) {
      const last = here.log.record(115)
      here.relay.wake()
      await until(() => here.relay.status().position >= last, 'the relay to publish')
    }
    for (const [i, found] of (await Promise.all(reading)).entries()) {
      const wanted = await follow(here.log, 0n, BigInt(here.log.events.length), readers[i]!)
      expect(found).toEqual(wanted.slice(0, found.length))
      expect(found.at(-1)).toBeGreaterThan(2_900n)
    }
    const { gapsHealed, messages } = tail.status()
    const healed = Object.values(gapsHealed).reduce((a, b) => a + b)
    if (fault.drop ?? fault.damage) expect(healed).toBeGreaterThan(0)
    if (fault.duplicate) expect(messages.duplicate).toBeGreaterThan(0)
    if (fault.damage) expect(messages.invalid).toBeGreaterThan(0)
  },
)

test('a lost message is proved by the next one of its partition, and healed at once', async () => {
  const here = world()
  here.log.record(10)
  const bus = new MemoryBus(here.topic)
  const subscribe = bus.subscribe.bind(bus)
  bus.subscribe = (options) =>
    subscribe({
      ...options,
      onMessages: (messages) =>
        options.onMessages(messages.filter(({ headers }) => readPlace(headers).position !== 100n)),
    })
  const tail = here.tail(bus)
  expect(await follow(tail, 0n, 10n)).toEqual(upTo(10n))
  await until(() => tail.status().connected, 'the bus to be read')
  here.log.record(400)
  here.relay.wake()
  expect(await follow(tail, 10n, 410n)).toEqual(upTo(410n, 11n))
  expect(tail.status().gapsHealed).toMatchObject({ lost: 1, hole: 0, silent: 0 })
})

test('the last messages are missed by the silence that follows them', async () => {
  const here = world()
  here.log.record(10)
  const bus = new FaultyBus(new MemoryBus(here.topic), clock)
  const tail = here.tail(bus, { ...patient, silentMs: 30, behindMs: 5 })
  await follow(tail, 0n, 10n)
  await until(() => tail.status().connected, 'the bus to be read')
  here.log.record(10)
  here.relay.wake()
  await until(() => tail.status().position === '20', 'the bus to bring them')
  bus.faults = { drop: 1 }
  here.log.record(10)
  here.relay.wake()
  expect(await follow(tail, 20n, 30n)).toEqual(upTo(30n, 21n))
  expect(tail.status().gapsHealed.silent).toBe(1)
})

test('a bus that is away, trimmed, made anew or partitioned otherwise is a delay only', async () => {
  const here = world()
  here.log.record(10)
  const tail = here.tail(undefined, quick)
  await follow(tail, 0n, 10n)
  await until(() => tail.status().connected, 'the bus to be read')
  let after = 10n
  const goesOn = async (): Promise<void> => {
    const last = here.log.record(300)
    here.relay.wake()
    tail.wake()
    expect(await follow(tail, after, last)).toEqual(upTo(last, after + 1n))
    after = last
  }
  await goesOn()
  here.topic.failure = new Error('connection refused')
  await goesOn()
  here.topic.failure = undefined
  await goesOn()
  here.topic.trim(0)
  await goesOn()
  here.topic.recreate(4)
  await goesOn()
  here.topic.grow(7)
  await goesOn()
  await until(async () => {
    const before = tail.status()
    await goesOn()
    const served = tail.status().messages.applied - before.messages.applied
    return before.connected && served === 300
  }, 'the bus to bring events again')
})

test('messages of another history are refused, and the log is read', async () => {
  const stranger = new GrowingLog()
  Object.assign(stranger, { identity: { systemId: '00000000000000aa', epoch: 1 } })
  const here = world(3, stranger)
  here.log.record(10)
  const tail = here.tail(undefined, quick)
  await follow(tail, 0n, 10n)
  await until(() => tail.status().connected, 'the bus to be read')
  stranger.record(20)
  here.relay.wake()
  await until(() => tail.status().messages.refused === 20, 'strangers to be refused')
  here.log.record(10)
  expect(await follow(tail, 10n, 20n)).toEqual(upTo(20n, 11n))
})

test('a log that fails is said so to the reader, and read again', async () => {
  const here = world()
  here.log.record(10)
  const tail = here.tail(undefined, quick)
  await follow(tail, 0n, 10n)
  here.log.failing = true
  await expect(tail.read({ after: 5_000n, slots: all, limit: 10 })).rejects.toThrow('was lost')
  here.log.failing = false
  here.log.record(10)
  expect(await follow(tail, 10n, 20n)).toEqual(upTo(20n, 11n))
})

test('what is served is the log, whatever is asked', async () => {
  const here = world()
  const tail = here.tail(undefined, quick)
  const asked = fc.record({
    types: fc.subarray(['A', 'B', 'C'], { minLength: 1 }),
    from: fc.nat(200),
    to: fc.nat(255),
    limit: fc.integer({ min: 1, max: 50 }),
    back: fc.nat(6_000),
    more: fc.nat(900),
  })
  await fc.assert(
    fc.asyncProperty(asked, async ({ types, from, to, limit, back, more }) => {
      const head = here.log.record(more + 1)
      here.relay.wake()
      const start = head > BigInt(back) ? head - BigInt(back) : 0n
      const options = {
        types,
        limit,
        slots: [{ from: Math.min(from, to), to: Math.max(from, to) }],
      }
      const found = await follow(tail, start, head, options)
      const wanted = await follow(here.log, start, BigInt(here.log.events.length), options)
      expect(found).toEqual(wanted.slice(0, found.length))
    }),
    { numRuns: 40 },
  )
})
