import { milliseconds, pick, type FaultSource, type Random } from './fault.ts'
import type { Direction, NetworkFault } from './fault-proxy.ts'
import type { Link, Links } from './links.ts'

const lastsMs = { least: 100, most: 12_000 }

interface Harm {
  readonly name: string
  fault(random: Random): NetworkFault
}

const oneWay = (random: Random): Direction[] => [pick(random, ['up', 'down'])]

const harms: readonly Harm[] = [
  { name: 'delay', fault: (random) => ({ delayMs: milliseconds(random, 5, 1_500) }) },
  { name: 'slow', fault: (random) => ({ bytesPerSecond: milliseconds(random, 2_000, 200_000) }) },
  { name: 'cut', fault: () => ({ hold: ['up', 'down'], refuse: true }) },
  { name: 'held one way', fault: (random) => ({ hold: oneWay(random) }) },
  { name: 'half-open', fault: () => ({ swallow: ['up', 'down'] }) },
  { name: 'one-way', fault: (random) => ({ swallow: oneWay(random) }) },
  { name: 'refused', fault: () => ({ refuse: true }) },
]

/**
 * Messages of the bus have a checksum, and so has Kafka's own format. Nothing protects what goes to a database without TLS:
 * no harness can ask that it be noticed there.
 */
const damage: Harm = { name: 'damaged', fault: (random) => ({ corrupt: oneWay(random) }) }

export function networkSource(links: Links): FaultSource {
  return (random) => {
    const link = pick(random, links.all)
    if (random() < 0.15) return reset(link)
    const harm = pick(random, link.server === 'KAFKA_BROKERS' ? [...harms, damage] : harms)
    const fault = harm.fault(random)
    return {
      kind: 'network',
      what: `${link.process} → ${link.server}: ${harm.name}`,
      forMs: milliseconds(random, lastsMs.least, lastsMs.most),
      begin: () => link.proxy.set(fault),
      end: () => link.proxy.heal(),
    }
  }
}

function reset({ process, server, proxy }: Link): ReturnType<FaultSource> {
  return {
    kind: 'network',
    what: `${process} → ${server}: reset`,
    forMs: 0,
    begin: () => void proxy.reset(),
    end: () => undefined,
  }
}
