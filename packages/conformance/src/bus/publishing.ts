import { wireBytes, type BusMessage } from 'tailrace/adapter'
import type { Requirement } from '../suite.ts'
import { refuses } from '../suite.ts'
import {
  Collector,
  expect,
  expectPositions,
  sampleMessages,
  type Sampled,
  type BusWorld,
} from './bus-under-test.ts'

/** As many messages as fit into a send of so many bytes. */
function fullSend(sampled: Omit<Sampled, 'count'>, bytes: number): BusMessage[] {
  const text = 'x訂ü'.repeat(100)
  let left = bytes
  return sampleMessages({ ...sampled, text, count: Math.ceil(bytes / text.length) }).filter(
    (message) => (left -= wireBytes(message)) >= 0,
  )
}

export const publishingRequirements: readonly Requirement<BusWorld>[] = [
  {
    name: 'every connection sees the same layout, of two partitions at least',
    run: async (world) => {
      const [one, other] = await Promise.all([world.bus(), world.bus()])
      const layouts = await Promise.all([one.layout(), other.layout(), one.layout()])
      expect(layouts[0].partitions >= 2, `two partitions, got ${layouts[0].partitions}`)
      for (const layout of layouts)
        expect(
          layout.incarnation === layouts[0].incarnation &&
            layout.partitions === layouts[0].partitions,
          `one layout, got ${JSON.stringify(layouts)}`,
        )
    },
  },
  {
    name: 'a partition without messages says that it has none',
    run: async (world) => {
      const bus = await world.bus()
      await bus.layout()
      expect((await bus.lastPublished(1)) === undefined, 'nothing in a new partition')
    },
  },
  {
    name: 'a receipt names the last position, and the broker then says so to everyone',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      const messages = sampleMessages({ layout, partition: 1, count: 25 })
      const receipt = await bus.publish(1, messages, layout.incarnation)
      expect(receipt.position === 25n, `the receipt of position 25, got ${receipt.position}`)
      const other = await world.bus()
      await other.layout()
      const last = messages.at(-1)!
      for (const each of [bus, other]) {
        const place = await each.lastPublished(1)
        expect(
          place?.position === 25n &&
            place.prevPosition === 24n &&
            place.slot === last.slot &&
            place.slots.from === last.slots.from &&
            place.slots.to === last.slots.to &&
            place.history === last.history,
          `the place of the last message, got ${place?.position} after ${place?.prevPosition}`,
        )
        expect((await each.lastPublished(0)) === undefined, 'nothing in the other partition')
      }
    },
  },
  {
    name: 'a new process goes on where the last one ended',
    run: async (world) => {
      const first = await world.bus()
      const layout = await first.layout()
      await first.publish(
        0,
        sampleMessages({ layout, partition: 0, count: 10 }),
        layout.incarnation,
      )
      await first.close()
      const second = await world.bus()
      await second.layout()
      const last = await second.lastPublished(0)
      expect(last?.position === 10n, `position 10, got ${last?.position}`)
      const after = Number(last.position)
      await second.publish(
        0,
        sampleMessages({ layout, partition: 0, after, count: 10 }),
        layout.incarnation,
      )
      const collector = new Collector()
      await collector.subscribe(second, 0, 0n)
      await collector.until(20n)
      expectPositions(collector.positions, 1, 20)
    },
  },
  {
    name: 'what is published twice is not lost, and comes in order where it is new',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      await bus.publish(0, sampleMessages({ layout, partition: 0, count: 10 }), layout.incarnation)
      await bus.publish(
        0,
        sampleMessages({ layout, partition: 0, after: 5, count: 10 }),
        layout.incarnation,
      )
      const collector = new Collector()
      await collector.subscribe(bus, 0, 0n)
      await collector.until(15n)
      expectPositions(collector.distinct, 1, 15)
      expect((await bus.lastPublished(0))?.position === 15n, 'position 15 last')
    },
  },
  {
    name: 'partitions are published to at the same time, and keep apart',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      const partitions = Array.from({ length: layout.partitions }, (_, i) => i)
      await Promise.all(
        partitions.map(async (partition) => {
          for (let sent = 0; sent < 50; sent += 10) {
            const after = partition * 1_000 + sent
            await bus.publish(
              partition,
              sampleMessages({ layout, partition, after, count: 10 }),
              layout.incarnation,
            )
          }
        }),
      )
      for (const partition of partitions) {
        const collector = new Collector()
        await collector.subscribe(bus, partition, 0n)
        await collector.until(BigInt(partition * 1_000 + 50))
        expectPositions(collector.positions, partition * 1_000 + 1, partition * 1_000 + 50)
      }
    },
  },
  {
    name: 'messages that were made for another incarnation of the topic are refused',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      const messages = sampleMessages({ layout, partition: 0, count: 3 })
      await refuses(bus.publish(0, messages, `not ${layout.incarnation}`), 'BUS_CHANGED')
      expect((await bus.lastPublished(0)) === undefined, 'nothing of what was refused')
    },
  },
  {
    name: 'a message that is too large is refused, and those after it are not',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      const size = bus.maxBytes
      await refuses(
        bus.publish(
          0,
          sampleMessages({ layout, partition: 0, count: 1, size }),
          layout.incarnation,
        ),
        'MESSAGE_INVALID',
      )
      const { position } = await bus.publish(
        0,
        sampleMessages({ layout, partition: 0, count: 3 }),
        layout.incarnation,
      )
      expect(position === 3n, `position 3, got ${position}`)
    },
  },
  {
    name: 'a send as large as the layout allows is taken, whatever its letters are, and a larger one leaves nothing behind',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      const { maxSendBytes: most = 2_000_000 } = layout
      const full = fullSend({ layout, partition: 0 }, most)
      await bus.publish(0, full, layout.incarnation)
      const after = full.length
      if (layout.maxSendBytes !== undefined) {
        const more = fullSend({ layout, partition: 0, after }, most * 2)
        await refuses(bus.publish(0, more, layout.incarnation), 'BUS_UNSUITABLE')
        const last = await bus.lastPublished(0)
        expect(last?.position === BigInt(after), `position ${after} last, got ${last?.position}`)
      }
      const next = fullSend({ layout, partition: 0, after }, most)
      const { position } = await bus.publish(0, next, layout.incarnation)
      expect(position === BigInt(after + next.length), `all of the next send, got ${position}`)
    },
  },
  {
    name: 'a closed bus refuses everything, and may be closed again',
    run: async (world) => {
      const bus = await world.bus()
      const layout = await bus.layout()
      await Promise.all([bus.close(), bus.close()])
      await bus.close()
      await refuses(bus.layout(), 'ADAPTER_CLOSED')
      await refuses(bus.lastPublished(0), 'ADAPTER_CLOSED')
      await refuses(
        bus.publish(0, sampleMessages({ layout, partition: 0, count: 1 }), layout.incarnation),
        'ADAPTER_CLOSED',
      )
      await refuses(new Collector().subscribe(bus, 0, 0n), 'ADAPTER_CLOSED')
    },
  },
]
