import { afterEach, expect, test } from 'vitest'
import { until } from '../../../../test/support/worker-rig.ts'
import { overriding } from '@tailrace/conformance'
import { FaultyBus } from '../../../conformance/src/faulty-bus.ts'
import { MemoryBus, MemoryTopic } from '../../../conformance/src/memory-bus.ts'
import { MemoryLeases } from '../../../conformance/src/memory-leases.ts'
import { GrowingLog, restored } from '../../test/growing-log.ts'
import type { Bus, BusDelivery } from '../ports/bus.ts'
import type { Clock } from '../ports/clock.ts'
import type { LogEpoch, LogPage, LogRead } from '../ports/event-log.ts'
import { systemClock } from '../run/system-clock.ts'
import { TailraceError } from '../errors.ts'
import { readPlace } from './message-headers.ts'
import { startRelay, type Relay, type RelayOptions } from './relay.ts'
import { bytesOfSend } from './wire-bytes.ts'

const clock = systemClock()
const running: Relay[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((relay) => relay.stop()))
})

interface World {
  readonly topic: MemoryTopic
  readonly log: GrowingLog
  readonly leases: MemoryLeases
  start(bus?: Bus, more?: Partial<RelayOptions>): Relay
}

function world(partitions = 3): World {
  const topic = new MemoryTopic(partitions)
  const log = new GrowingLog()
  const leases = new MemoryLeases(clock)
  return {
    topic,
    log,
    leases,
    start(bus = new MemoryBus(topic), more = {}) {
      const settings = { seekEveryMs: 10, layoutEveryMs: 10, pageSize: 100, ...more.settings }
      const relay = startRelay({ bus, log, leases, clock, ...more, settings })
      running.push(relay)
      return relay
    },
  }
}

/** What a subscriber of a partition ends up with: its messages without repetitions. Fails at a gap. */
function received(deliveries: readonly BusDelivery[]): bigint[] {
  const positions: bigint[] = []
  for (const { headers } of deliveries) {
    const { position, prevPosition } = readPlace(headers)
    const last = positions.at(-1) ?? 0n
    if (position <= last) continue
    expect(prevPosition, `before ${position}`).toBeLessThanOrEqual(last)
    positions.push(position)
  }
  return positions
}

/** All positions on the topic, which must be those of the log, each partition without a gap. */
function expectAll({ topic, log }: World): void {
  const partitions = Array.from({ length: topic.layout.partitions }, (_, i) => i)
  const all = partitions.flatMap((partition) => received(topic.messages(partition)))
  expect(all.toSorted((a, b) => Number(a - b))).toEqual(log.events.map(({ position }) => position))
}

async function arrives(relay: Relay, position: bigint): Promise<void> {
  await until(() => relay.status().position >= position, `position ${position} on the bus`)
}

test('everything is published, in the order of positions, as it comes', async () => {
  const here = world()
  here.log.record(350)
  const relay = here.start()
  await arrives(relay, 350n)
  const later = here.log.record(60)
  relay.wake()
  await arrives(relay, later)
  expectAll(here)
  expect(relay.status()).toMatchObject({
    state: 'active',
    published: 410,
    asked: 1,
    failures: 0,
    lagMs: 0,
  })
})

test('a new relay goes on where the broker says that the last one ended', async () => {
  const here = world()
  here.log.record(500)
  const first = here.start()
  await arrives(first, 500n)
  await first.stop()
  here.log.record(500)
  const second = here.start()
  await arrives(second, 1_000n)
  expectAll(here)
  expect(second.status().published).toBe(500)
})

test('a topic that keeps messages for a while only is not filled with older ones, neither at the first start nor later', async () => {
  const here = world()
  here.log.record(300)
  const keepsMs = 60_000
  const keeping = (): Bus =>
    overriding(new MemoryBus(here.topic), {
      layout: async () => ({ ...here.topic.layout, keepsMs }),
    })
  // An hour is left for clocks that differ; one event is recorded each millisecond.
  const keptFrom = (n: number): Clock => {
    const { at } = here.log.events[n - 1]!
    return overriding(clock, { now: () => Date.parse(at) + keepsMs + 3_600_000 })
  }
  const relay = here.start(keeping(), { clock: keptFrom(201) })
  await arrives(relay, 300n)
  expect(relay.status().published).toBe(100)
  const places = [0, 1, 2].flatMap((partition) =>
    here.topic.messages(partition).map(({ headers }) => readPlace(headers)),
  )
  expect(places.every(({ position }) => position > 200n)).toBe(true)
  expect(places.filter(({ prevPosition }) => prevPosition === 200n)).toHaveLength(3)
  await relay.stop()
  // Much later everything has gone from the topic, and a new relay finds it empty.
  here.topic.recreate()
  here.log.record(10)
  const next = here.start(keeping(), { clock: keptFrom(305) })
  await arrives(next, 310n)
  expect(next.status().published).toBe(6)
})

test('a lost answer and a torn send are asked about, not guessed: nothing is missing', async () => {
  const here = world()
  const bus = new FaultyBus(new MemoryBus(here.topic), clock, { lostReceipt: 0.1, torn: 0.1 })
  here.log.record(3_000)
  const relay = here.start(bus)
  await until(() => relay.status().failures > 3, 'some failures')
  bus.faults = {}
  await arrives(relay, 3_000n)
  expectAll(here)
  expect(relay.status().asked).toBe(relay.status().failures + 1)
})

test('one relay publishes at a time, and the next one takes over when it is gone', async () => {
  const here = world()
  here.log.record(100)
  const first = here.start(undefined, { owner: 'first' })
  await arrives(first, 100n)
  const second = here.start(undefined, { owner: 'second' })
  await until(() => second.status().state === 'standby', 'the second relay to stand by')
  here.leases.bar('first')
  await until(() => second.status().state === 'active', 'the second relay to publish')
  here.log.record(100)
  await arrives(second, 200n)
  expectAll(here)
})

test('a broker that is away is waited for, and the status says why', async () => {
  const here = world()
  here.log.record(100)
  here.topic.failure = new Error('connection refused')
  const relay = here.start()
  await until(() => relay.status().state === 'waiting', 'the relay to wait')
  expect(relay.status().lastError).toContain('connection refused')
  expect(relay.status().position).toBe(0n)
  here.topic.failure = undefined
  await arrives(relay, 100n)
  expectAll(here)
})

test('a topic that is made anew is filled again from the log', async () => {
  const here = world()
  here.log.record(300)
  const relay = here.start()
  await arrives(relay, 300n)
  here.topic.recreate(2)
  here.log.record(10)
  await until(
    () => here.topic.messages(0).length + here.topic.messages(1).length >= 310,
    'all of it',
  )
  await arrives(relay, 310n)
  expectAll(here)
})

test('a topic that is made anew is filled again, also when another user of the connection saw it first', async () => {
  const here = world(2)
  const bus = new MemoryBus(here.topic)
  here.log.record(20)
  const relay = here.start(bus, { settings: { layoutEveryMs: 3_600_000 } })
  await arrives(relay, 20n)
  here.topic.recreate()
  await bus.layout()
  const last = here.log.record(5)
  relay.wake()
  await arrives(relay, last)
  expectAll(here)
})

test('partitions that are added get their slots without a gap', async () => {
  const here = world(2)
  here.log.record(300)
  const relay = here.start()
  await arrives(relay, 300n)
  here.topic.grow(5)
  await until(() => relay.status().asked > 1, 'the relay to notice')
  here.log.record(300)
  await arrives(relay, 600n)
  for (const partition of [0, 1, 2, 3, 4]) {
    const places = here.topic.messages(partition).map(({ headers }) => readPlace(headers))
    const fresh = places.filter(({ position }) => position > 300n)
    for (const place of fresh) {
      const earlier = here.log.events.filter(
        ({ position, slot }) =>
          position < place.position && slot >= place.slots.from && slot <= place.slots.to,
      )
      expect(place.prevPosition).toBe(earlier.at(-1)?.position ?? 0n)
    }
  }
  const all = [0, 1, 2, 3, 4].flatMap((partition) =>
    here.topic.messages(partition).map(({ headers }) => readPlace(headers).position),
  )
  expect(new Set(all).size).toBe(600)
})

test('a partition that was trimmed to its end is filled again', async () => {
  const here = world()
  here.log.record(200)
  const first = here.start()
  await arrives(first, 200n)
  await first.stop()
  here.topic.trim(0)
  here.log.record(50)
  const second = here.start()
  await arrives(second, 250n)
  expectAll(here)
})

test('what may be in flight is bounded: while the broker takes its time, the log is not read on', async () => {
  const here = world()
  here.log.record(5_000)
  const bus = new MemoryBus(here.topic)
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  let inFlight = 0
  let most = 0
  const publish = bus.publish.bind(bus)
  bus.publish = async (partition, messages, incarnation) => {
    inFlight += messages.length
    most = Math.max(most, inFlight)
    await held
    inFlight -= messages.length
    return publish(partition, messages, incarnation)
  }
  const relay = here.start(bus)
  await until(() => inFlight === 100, 'one page in flight')
  const { reads } = here.log
  relay.wake()
  expect(reads).toBeLessThanOrEqual(2)
  letGo()
  await arrives(relay, 5_000n)
  expect(most).toBe(100)
  expectAll(here)
})

/** A bus that takes so many bytes at once, though its layout does not say so, and the sizes of the sends that it took. */
function takingAtMost(most: () => number, inner: Bus): { readonly bus: Bus; sent: number[] } {
  const sent: number[] = []
  const bus = overriding(inner, {
    publish: async (partition, messages, incarnation) => {
      const bytes = bytesOfSend(messages)
      if (bytes > most())
        throw new TailraceError('BUS_UNSUITABLE', `expected ${most()} bytes, got ${bytes}`)
      sent.push(bytes)
      return inner.publish(partition, messages, incarnation)
    },
  })
  return { bus, sent }
}

test('a backlog of any letters is published in sends that the broker takes', async () => {
  const here = world(1)
  here.log.record(1_000, (n) => ({ n, text: '訂單已經送達請盡快取貨'.repeat(27) }))
  const bus = new MemoryBus(here.topic, { maxSendBytes: 1_000_000 })
  const settings = { pageSize: 1_000, sendBytes: 10_000_000 }
  const relay = here.start(bus, { settings })
  await arrives(relay, 1_000n)
  expectAll(here)
  expect(relay.status().failures).toBe(0)
})

test('an event that the broker does not take with the long name of its stream is published without its data', async () => {
  const here = world(1)
  here.log.record(3, (n) => ({ text: 'x'.repeat(n === 2 ? 8_500 : 1) }))
  Object.assign(here.log.events[1]!, { stream: 's'.repeat(1_700) })
  const bus = new MemoryBus(here.topic, { maxBytes: 13_000, maxSendBytes: 13_500 })
  const relay = here.start(bus)
  await arrives(relay, 3n)
  expectAll(here)
  const bodies = here.topic.messages(0).map(({ body }) => JSON.parse(String(body)) as object)
  expect(bodies).toMatchObject([{ data: {} }, { omitted: 8_511 }, { data: {} }])
  expect(relay.status().failures).toBe(0)
})

test('a broker that takes less than it says gets smaller sends until they pass, down to one message', async () => {
  for (const most of [30_000, 800]) {
    const here = world(1)
    here.log.record(200)
    const { bus, sent } = takingAtMost(() => most, new MemoryBus(here.topic))
    const relay = here.start(bus, { settings: { pageSize: 200 } })
    await arrives(relay, 200n)
    expectAll(here)
    expect(sent[0]).toBeGreaterThan(most / 4)
    expect(relay.status().failures).toBeLessThan(10)
    await relay.stop()
  }
})

test('once a broker takes more again, sends grow again', async () => {
  const here = world(1)
  let most = 3_000
  const { bus, sent } = takingAtMost(() => most, new MemoryBus(here.topic))
  here.log.record(50)
  const relay = here.start(bus)
  await arrives(relay, 50n)
  most = 1_000_000
  const { failures } = relay.status()
  await arrives(relay, here.log.record(5_000))
  expectAll(here)
  expect(Math.max(...sent)).toBeGreaterThan(30_000)
  expect(relay.status().failures).toBe(failures)
})

test('it stops although the broker does not answer', async () => {
  const here = world()
  here.log.record(10)
  const bus = new MemoryBus(here.topic)
  bus.publish = () => new Promise(() => undefined)
  const relay = here.start(bus)
  await until(() => relay.status().lagMs > 0, 'something in hand')
  await relay.stop()
  expect(relay.status().state).toBe('stopped')
  const other = here.start()
  await arrives(other, 10n)
})

test('a topic of another log is left alone', async () => {
  const here = world()
  here.log.record(10)
  const relay = here.start()
  await arrives(relay, 10n)
  await relay.stop()
  const before = here.topic.messages(0).length
  const other = world()
  other.log.record(10)
  const stranger = startRelay({
    bus: new MemoryBus(here.topic),
    log: Object.assign(other.log, { identity: { systemId: '00000000000000aa', epoch: 1 } }),
    leases: other.leases,
    clock,
  })
  running.push(stranger)
  await until(() => stranger.status().failures > 0, 'a refusal')
  expect(stranger.status().lastError).toContain('a topic of its own')
  expect(here.topic.messages(0).length).toBe(before)
})

/** A log that goes back to position 100 while it is read, and then gets one event of the new history. */
class RestoredLog extends GrowingLog {
  isRestored = false

  override async read(options: LogRead): Promise<LogPage> {
    if (!this.isRestored || options.after < 100n) return super.read(options)
    const position = 1_000_101n
    if (options.after >= position) return { events: [], through: options.after }
    return { events: [{ ...this.events[100]!, position }], through: position }
  }

  override async epochs(): Promise<LogEpoch[]> {
    return this.isRestored ? [...restored] : super.epochs()
  }

  restore(): void {
    this.isRestored = true
    Object.assign(this.identity, { epoch: 2 })
  }
}

test('after a restore, no message names a history that its event is not of', async () => {
  const log = new RestoredLog()
  const here = { ...world(1), log }
  log.record(120)
  const { leases, topic } = here
  const bus = new MemoryBus(topic)
  const settings = { layoutEveryMs: 3_600_000, pollMaxMs: 5 }
  const relay = startRelay({ bus, log, leases, clock, settings })
  running.push(relay)
  await arrives(relay, 120n)
  log.restore()
  await arrives(relay, 1_000_101n)
  const places = topic.messages(0).map(({ headers }) => readPlace(headers))
  const ofTheNew = places.filter(({ position }) => position > 1_000_000n)
  expect(ofTheNew).toMatchObject([{ prevPosition: 100n, history: '00000000000000ff/2' }])
})

test('what keeps the relay from publishing is said with its lease, until it publishes', async () => {
  const { topic, log, leases, start } = world()
  log.record(3)
  const real = new MemoryBus(topic)
  let refuses: Error | undefined = new TailraceError(
    'BUS_UNSUITABLE',
    'the topic may lose messages',
  )
  const bus = overriding(real, {
    layout: () => (refuses === undefined ? real.layout() : Promise.reject(refuses)),
  })
  const relay = start(bus, { settings: { leaseTtlMs: 60 } })
  const trouble = async () => (await leases.list())[0]?.trouble
  await until(async () => (await trouble())?.failed === true, 'a relay that has failed')
  expect((await trouble())!.text).toContain('may lose messages')
  // What passes by itself is no end.
  refuses = new Error('no connection')
  await until(async () => (await trouble())?.failed === false, 'a relay that waits')
  refuses = undefined
  await until(async () => (await trouble()) === undefined, 'a relay that goes on')
  await until(() => relay.status().position === 3n, 'all events on the bus')
})
