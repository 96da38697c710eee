import type { Tuning } from 'tailrace'
import { noFaults, type FaultRates } from '../kernel/faults.ts'
import type { Random } from '../kernel/random.ts'
import type { BusTuning } from './broker.ts'

/** What may go wrong with the bus as a whole, and how often on average during the first phase. */
export interface BusNemesisPlan {
  readonly busCrash: number
  readonly cutBus: number
  /** Subscriptions of a process seem to be alive and bring nothing. */
  readonly stillBus: number
  /** Old messages are gone. */
  readonly trimBus: number
  /** The topic is deleted and made anew. */
  readonly recreateBus: number
  /** Partitions are added. */
  readonly growBus: number
  /** The newest messages of a partition are gone, though they were confirmed. */
  readonly loseBusTail: number
}

/** The bus of one seed. */
export interface BusPlan extends BusTuning {
  readonly latencyMs: number
  readonly rates: FaultRates
  /** Processes that have the relay's role. */
  readonly relays: ReadonlySet<string>
  readonly tuning: {
    readonly relay: NonNullable<Tuning['relay']>
    readonly doubt: NonNullable<NonNullable<Tuning['worker']>['doubt']>
  }
}

export const noBusNemesis: BusNemesisPlan = {
  busCrash: 0,
  cutBus: 0,
  stillBus: 0,
  trimBus: 0,
  recreateBus: 0,
  growBus: 0,
  loseBusTail: 0,
}

/** Draws the bus of a seed; undefined: the log itself brings the events. */
export function busPlanOf(
  random: Random,
  nodes: readonly { readonly name: string }[],
): BusPlan | undefined {
  if (!random.chance(0.4)) return undefined
  const some = (share: number, most: number): number => {
    const value = random.within(0, most)
    return random.chance(share) ? value : 0
  }
  const first = random.pick(nodes)
  // Some buses do to messages nothing but carry them: then each doubt is false.
  const honest = random.chance(0.3)
  const unlessHonest = (share: number, most: number): number => {
    const value = some(share, most)
    return honest ? 0 : value
  }
  return {
    partitions: random.pick([1, 2, 2, 3, 5]),
    maxBytes: random.pick([560, 1_000_000, 1_000_000]),
    maxSendBytes: 1_000_000,
    retries: random.pick([0, 0, 2]),
    refusesStrangers: random.chance(0.5),
    slack: random.pick([0, 1, 1_000]),
    torn: unlessHonest(0.4, 0.2),
    dropped: unlessHonest(0.4, 0.3),
    repeated: unlessHonest(0.3, 0.2),
    swapped: unlessHonest(0.3, 0.2),
    damaged: unlessHonest(0.3, 0.1),
    heldUp: unlessHonest(0.4, 0.3),
    heldUpMs: random.pick([5, 40, 400]),
    latencyMs: random.within(0.2, 3),
    rates: honest ? noFaults : busRates(random, some),
    relays: new Set(
      nodes.filter((node) => node === first || random.chance(0.6)).map(({ name }) => name),
    ),
    tuning: {
      relay: {
        pageSize: random.pick([1, 4, 1_000]),
        sendBytes: random.pick([1, 2_300, 512 * 1_024]),
        sendMessages: random.pick([1, 3, 1_000]),
        leaseTtlMs: random.pick([250, 600, 1_500]),
        seekEveryMs: random.pick([50, 300]),
        layoutEveryMs: random.pick([50, 400, 3_000]),
        pollMaxMs: random.pick([10, 50]),
      },
      doubt: {
        holeMs: random.pick([5, 50]),
        lateMs: random.pick([30, 250]),
        silentMs: random.pick([150, 1_000]),
        behindMs: random.pick([5, 25]),
      },
    },
  }
}

function busRates(random: Random, some: (share: number, most: number) => number): FaultRates {
  const level = random.pick([0, 0.02, 0.1])
  return {
    refused: some(0.5, level),
    'lost-reply': some(0.5, level),
    late: some(0.5, level),
    slow: some(0.5, level),
    hang: some(0.3, level / 4),
  }
}

/** Draws what goes wrong with the bus as a whole. */
export function busNemesisOf(random: Random): BusNemesisPlan {
  const rate = (share: number, most: number): number => {
    const value = random.within(0, most)
    return random.chance(share) ? value : 0
  }
  return {
    busCrash: rate(0.2, 2),
    cutBus: rate(0.25, 2),
    stillBus: rate(0.2, 2),
    trimBus: rate(0.2, 2),
    recreateBus: rate(0.2, 1.5),
    growBus: rate(0.2, 1),
    loseBusTail: rate(0.3, 3),
  }
}
