import type { Random } from '../kernel/random.ts'
import type { SimBroker } from './broker.ts'
import type { BusNemesisPlan } from './bus-plan.ts'

const partitionsMax = 8

/** What the nemesis does to a bus: to the broker for `ms`, to what one process has of it, or to what it holds. */
export function harmBus(
  deed: keyof BusNemesisPlan,
  {
    broker,
    random,
    node,
    ms,
  }: {
    readonly broker: SimBroker
    readonly random: Random
    readonly node: string
    readonly ms: number
  },
): void {
  const { simulation, topic, server, still } = broker
  const { kernel, marks } = simulation
  const deeds: Record<keyof BusNemesisPlan, () => void> = {
    busCrash: () => {
      broker.crash()
      kernel.after(ms, 'recover', () => broker.recover())
    },
    cutBus: () => {
      server.cut.set(node, random.pick(['refused', 'silent']))
      kernel.after(ms * 2, 'joined', () => server.cut.delete(node))
    },
    stillBus: () => void still.set(node, kernel.nowMs + ms * 3),
    trimBus: () => {
      topic.trim(random.pick([0, 1, 5, 20]))
      marks.sometimes('old messages of the bus are gone')
    },
    recreateBus: () => {
      topic.recreate(random.chance(0.5) ? topic.partitions : random.between(1, 5))
      marks.sometimes('a topic is made anew')
    },
    growBus: () => {
      topic.grow(Math.min(partitionsMax, topic.partitions + random.between(1, 3)))
      marks.sometimes('partitions are added')
    },
    loseBusTail: () => {
      const lost = topic.loseTail(random.below(topic.partitions), random.pick([1, 3, 100]))
      if (lost > 0) marks.sometimes('confirmed messages are gone')
    },
  }
  deeds[deed]()
  broker.changed()
}

/** Everything about the bus works again. What is gone stays gone. */
export function healBus(broker: SimBroker): void {
  broker.server.cut.clear()
  broker.still.clear()
  broker.recover()
}
