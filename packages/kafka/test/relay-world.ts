import {
  BusTail,
  readPlace,
  startRelay,
  systemClock,
  type Bus,
  type BusDelivery,
  type LogPage,
  type Relay,
} from 'tailrace/adapter'
import { until } from '../../../test/support/worker-rig.ts'
import { MemoryLeases } from '../../conformance/src/memory-leases.ts'
import { GrowingLog } from '../../tailrace/test/growing-log.ts'
import type { KafkaWorld } from './kafka-world.ts'

const all = [{ from: 0, to: 255 }]

/** A log, a relay that publishes it, and a reader that follows the bus, as a worker does. */
export interface RelayWorld {
  readonly log: GrowingLog
  readonly relay: Relay
  readonly tail: BusTail
  /** Positions that the reader got, in order. */
  readonly read: readonly bigint[]
  record(count: number): bigint
  /** Waits until the reader has got a position. */
  readUpTo(position: bigint, ms?: number): Promise<void>
  /** Waits until the broker has a position. */
  published(position: bigint, ms?: number): Promise<void>
  /** Waits until nothing but the bus is needed again, and proves it with events that the log is not asked for. */
  servedByBus(ms?: number): Promise<void>
  stop(): Promise<void>
}

export function relayWorld(
  kafka: KafkaWorld,
  options: { readonly retries?: number } = {},
): RelayWorld {
  const clock = systemClock()
  const log = new GrowingLog()
  const settings = { layoutEveryMs: 200, pageSize: 200 }
  const leases = new MemoryLeases(clock)
  const relay = startRelay({ bus: kafka.connect(options), log, leases, clock, settings })
  const types = ['A', 'B', 'C']
  const tail = new BusTail({ bus: kafka.connect(), log, types, clock, onGrown: () => undefined })
  const read: bigint[] = []
  let reading = true
  const reader = (async () => {
    for (let after = 0n; reading;) {
      const page: LogPage = await tail.read({ after, slots: all, limit: 500 })
      read.push(...page.events.map(({ position }) => position))
      if (page.through === after) await clock.sleep(2)
      after = page.through
    }
  })()
  const record = (count: number): bigint => {
    const last = log.record(count)
    relay.wake()
    tail.wake()
    return last
  }
  const readUpTo = async (position: bigint, ms = 30_000): Promise<void> => {
    await until(() => (read.at(-1) ?? 0n) >= position, `position ${position} to be read`, ms)
  }
  return {
    log,
    relay,
    tail,
    read,
    record,
    readUpTo,
    async published(position, ms = 30_000) {
      await until(() => relay.status().position >= position, `position ${position} published`, ms)
    },
    async servedByBus(ms = 30_000) {
      await until(
        async () => {
          const before = tail.status()
          await readUpTo(record(5))
          const after = tail.status()
          return before.connected && after.messages.applied - before.messages.applied === 5
        },
        'the bus to bring what is recorded',
        ms,
      )
    },
    async stop() {
      reading = false
      await reader
      await tail.close()
      await relay.stop()
    },
  }
}

/** What a subscriber from the beginning of a partition ends up with, without repetitions. Throws at a gap. */
export function withoutGaps(deliveries: readonly BusDelivery[]): bigint[] {
  const positions: bigint[] = []
  for (const { headers } of deliveries) {
    const { position, prevPosition } = readPlace(headers)
    const last = positions.at(-1) ?? 0n
    if (position <= last) continue
    if (prevPosition > last)
      throw new Error(`expected ${prevPosition} before ${position}, got ${last}`)
    positions.push(position)
  }
  return positions
}

/** Readings of the whole topic before something counts as not there: a subscription may end with the broker it was at. */
const readingsMax = 4

/** Everything on the topic, by position. */
export async function everythingOn(bus: Bus, head: bigint): Promise<bigint[]> {
  for (let reading = 1; ; reading++) {
    const { found, kept } = await readFromStart(bus, head)
    if (found.size >= Number(head))
      return kept.flatMap(withoutGaps).toSorted((a, b) => Number(a - b))
    if (reading === readingsMax)
      throw new Error(
        `got ${found.size} of ${head} positions on the topic in ${reading} readings; by partition: ` +
          kept.map(describe).join(', '),
      )
  }
}

/** How many messages of a partition were read, and the last one. */
function describe(deliveries: readonly BusDelivery[]): string {
  const last = deliveries.at(-1)
  if (last === undefined) return 'none'
  return `${deliveries.length} up to ${readPlace(last.headers).position}`
}

/** Subscribes to every partition from its beginning, until all is there or 15 s have passed. */
async function readFromStart(bus: Bus, head: bigint) {
  const { partitions } = await bus.layout()
  const kept = Array.from({ length: partitions }, (): BusDelivery[] => [])
  const found = new Set<bigint>()
  const subscriptions = await Promise.all(
    kept.map((deliveries, partition) =>
      bus.subscribe({
        partition,
        after: 0n,
        onMessages: async (messages) => {
          deliveries.push(...messages)
          for (const { headers } of messages) found.add(readPlace(headers).position)
        },
      }),
    ),
  )
  await until(() => found.size >= Number(head), `${head} positions`, 15_000).catch(() => undefined)
  await Promise.all(subscriptions.map((one) => one.close()))
  return { found, kept }
}
