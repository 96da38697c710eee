import { decodeMessage } from 'tailrace/adapter'
import type { Requirement } from '../suite.ts'
import {
  Collector,
  expect,
  expectPositions,
  sampleMessages,
  type BusWorld,
} from './bus-under-test.ts'

const unicode = 'Grüße, 世界 \u{1F680} \u0000 \u2028 "quoted" \\ \ud83d\ude00 e\u0301'

export const subscribingRequirements: readonly Requirement<BusWorld>[] = [
  {
    name: 'those who were there and those who come late get the same, in order',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      const [early, late] = [new Collector(), new Collector()]
      await early.subscribe(bus, 0, 0n)
      for (let after = 0; after < 1_000; after += 100)
        await bus.publish(
          0,
          sampleMessages({ layout, partition: 0, after, count: 100 }),
          layout.incarnation,
        )
      await late.subscribe(await world.bus(), 0, 0n)
      await Promise.all([early.until(1_000n), late.until(1_000n)])
      expectPositions(early.positions, 1, 1_000)
      expectPositions(late.positions, 1, 1_000)
    },
  },
  {
    name: 'a subscription from a position misses nothing after it, also in the midst of what was sent at once',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      for (let after = 0; after < 600; after += 200)
        await bus.publish(
          1,
          sampleMessages({ layout, partition: 1, after, count: 200 }),
          layout.incarnation,
        )
      for (const after of [0n, 1n, 199n, 200n, 201n, 377n, 599n]) {
        const collector = new Collector()
        const subscription = await collector.subscribe(bus, 1, after)
        await collector.until(600n)
        const fresh = collector.positions.filter((position) => position > after)
        expectPositions(fresh, Number(after) + 1, 600)
        await subscription.close()
      }
    },
  },
  {
    name: 'positions need not be dense: a subscription begins after the one that it is given',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      for (const after of [0, 100, 5_000, 5_100, 9_000])
        await bus.publish(
          0,
          sampleMessages({ layout, partition: 0, after, count: 10 }),
          layout.incarnation,
        )
      for (const [after, first] of [
        [5n, 6n],
        [50n, 101n],
        [110n, 5_001n],
        [4_999n, 5_001n],
        [6_000n, 9_001n],
      ] as const) {
        const collector = new Collector()
        const subscription = await collector.subscribe(bus, 0, after)
        await collector.until(9_010n)
        const found = collector.positions.find((position) => position > after)
        expect(found === first, `position ${first} to be the first after ${after}, got ${found}`)
        await subscription.close()
      }
    },
  },
  {
    name: 'a subscription from the end gets what comes later',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      await bus.publish(0, sampleMessages({ layout, partition: 0, count: 20 }), layout.incarnation)
      const [atEnd, beyond] = [new Collector(), new Collector()]
      await atEnd.subscribe(bus, 0, 20n)
      await beyond.subscribe(bus, 0, 25n)
      await bus.publish(
        0,
        sampleMessages({ layout, partition: 0, after: 20, count: 20 }),
        layout.incarnation,
      )
      await Promise.all([atEnd.until(40n), beyond.until(40n)])
      expectPositions(
        atEnd.positions.filter((position) => position > 20n),
        21,
        40,
      )
      expectPositions(
        beyond.positions.filter((position) => position > 25n),
        26,
        40,
      )
    },
  },
  {
    name: 'an event arrives as it was, with any text and up to the largest size',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      const text = unicode.repeat(50)
      const messages = [
        ...sampleMessages({ layout, partition: 0, count: 1, text }),
        ...sampleMessages({ layout, partition: 0, after: 1, count: 1, size: bus.maxBytes - 2_000 }),
        ...sampleMessages({ layout, partition: 0, after: 2, count: 1, size: 0 }),
      ]
      for (const message of messages) await bus.publish(0, [message], layout.incarnation)
      const collector = new Collector()
      await collector.subscribe(bus, 0, 0n)
      await collector.until(3n)
      for (const [i, delivery] of collector.deliveries.entries()) {
        const { event, position } = decodeMessage(delivery, bus.maxBytes)
        const sent = JSON.parse(messages[i]!.body) as { readonly data: unknown }
        expect(
          JSON.stringify(event?.data) === JSON.stringify(sent.data) && position === BigInt(i + 1),
          `message ${i + 1} as it was sent`,
        )
      }
    },
  },
  {
    name: 'a handler that takes its time slows the reading down, and is not called twice at once',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      const collector = new Collector()
      const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
      let calls = 0
      let running = 0
      await collector.subscribe(bus, 0, 0n, async () => {
        expect(++running === 1, 'one call of the handler at a time')
        if (++calls === 1) await held
        running--
      })
      for (let after = 0; after < 4_000; after += 500)
        await bus.publish(
          0,
          sampleMessages({ layout, partition: 0, after, count: 500, size: 500 }),
          layout.incarnation,
        )
      await collector.until(1n)
      expect(calls === 1, `one call while it is held, got ${calls}`)
      letGo()
      await collector.until(4_000n)
      expectPositions(collector.positions, 1, 4_000)
    },
  },
  {
    name: 'closing a subscription ends it at once, also with a handler that is stuck',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      await bus.publish(0, sampleMessages({ layout, partition: 0, count: 5 }), layout.incarnation)
      const collector = new Collector()
      const stuck = Promise.withResolvers<void>()
      const subscription = await collector.subscribe(bus, 0, 0n, () => stuck.promise)
      await collector.until(1n)
      const seen = collector.deliveries.length
      await Promise.all([subscription.close(), subscription.close()])
      await subscription.close()
      const ended = await subscription.ended
      expect(ended === undefined, `an end without error, got ${String(ended)}`)
      await bus.publish(
        0,
        sampleMessages({ layout, partition: 0, after: 5, count: 5 }),
        layout.incarnation,
      )
      stuck.resolve()
      const other = new Collector()
      await other.subscribe(bus, 0, 0n)
      await other.until(10n)
      expect(
        collector.deliveries.length === seen,
        `nothing after close, got ${collector.deliveries.length - seen} more`,
      )
    },
  },
  {
    name: 'closing the bus ends its subscriptions, also with a handler that is stuck',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      await bus.publish(0, sampleMessages({ layout, partition: 0, count: 1 }), layout.incarnation)
      const collector = new Collector()
      const subscription = await collector.subscribe(bus, 0, 0n, () => new Promise(() => undefined))
      const idle = await new Collector().subscribe(bus, 1, 0n)
      await collector.until(1n)
      await bus.close()
      for (const each of [subscription, idle])
        expect((await each.ended) === undefined, 'an end without error')
    },
  },
]
