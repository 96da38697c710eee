import { noFaults } from '../kernel/faults.ts'
import type { Random } from '../kernel/random.ts'
import {
  aboutOvertakenWrites,
  aboutLostEnds,
  aboutLostLeases,
  aboutLostWrites,
  aboutUndoneDeeds,
} from './restore-focus.ts'
import { build, lasting, manyWorkers, noBuild, noneBack, nothingElse } from './steer.ts'
import type { Swarm } from './swarm.ts'

/**
 * What a world is about. Most are about everything; some steer to where several rare things must meet, which worlds drawn
 * knob by knob hardly ever reach.
 */
export const focuses = [
  'everything',
  'moves',
  'overlaps',
  'stuck writes',
  'slow reads',
  'lost ends',
  'parked keys',
  'first versions',
  'second lives',
  'undone deeds',
  'late positions',
  'overtaken loads',
  'repeats',
  'lost leases',
  'lost writes',
  'overtaken writes',
  'new topics',
  'silence',
] as const

export type Focus = (typeof focuses)[number]

/** Those of worlds with a bus are drawn when it is known that there is one. */
type DatabaseFocus = Exclude<Focus, 'new topics' | 'silence'>

/** Bends a drawn world to its focus. Its chance is its own: the other worlds stay as they are. */
export function focused(swarm: Swarm, random: Random): Swarm {
  const focus = focusOf(random)
  switch (focus) {
    case 'everything':
      return {
        ...swarm,
        restoreDatabaseAtRest: random.chance(0.04),
        nemesis: { ...swarm.nemesis, stuckWorker: often(random, 0.25) },
      }
    case 'moves':
      return { ...aboutRanges(swarm, random), focus, orders: random.between(2, 3) }
    case 'overlaps':
      return { ...aboutOverlaps(swarm, random), focus }
    case 'stuck writes':
      return { ...aboutStuckWrites(swarm, random), focus }
    case 'slow reads':
      return { ...aboutSlowReads(swarm, random), focus }
    case 'lost ends':
      return { ...aboutLostEnds(swarm, random), focus }
    case 'parked keys':
      return { ...aboutParkedKeys(swarm, random), focus }
    case 'first versions':
      return { ...aboutFirstVersions(swarm, random), focus }
    case 'second lives':
      return { ...aboutSecondLives(swarm, random), focus }
    case 'undone deeds':
      return { ...aboutUndoneDeeds(swarm, random), focus }
    case 'late positions':
      return { ...aboutLatePositions(swarm, random), focus }
    case 'overtaken loads':
      return { ...aboutOvertakenLoads(swarm, random), focus }
    case 'repeats':
      return { ...aboutRepeats(swarm, random), focus }
    case 'lost leases':
      return { ...aboutLostLeases(swarm, random), focus }
    case 'lost writes':
      return { ...aboutLostWrites(swarm, random), focus }
    case 'overtaken writes':
      return { ...aboutOvertakenWrites(swarm, random), focus }
  }
}

function focusOf(random: Random): DatabaseFocus {
  const draw = random.next()
  if (draw < 0.07) return 'moves'
  if (draw < 0.15) return 'overlaps'
  if (draw < 0.21) return 'stuck writes'
  if (draw < 0.26) return 'slow reads'
  if (draw < 0.31) return 'first versions'
  if (draw < 0.36) return 'lost ends'
  if (draw < 0.4) return 'parked keys'
  if (draw < 0.44) return 'second lives'
  if (draw < 0.49) return 'undone deeds'
  if (draw < 0.52) return 'overtaken writes'
  if (draw < 0.55) return 'late positions'
  if (draw < 0.61) return 'overtaken loads'
  if (draw < 0.68) return 'repeats'
  if (draw < 0.71) return 'lost leases'
  return draw < 0.74 ? 'lost writes' : 'everything'
}

function often(random: Random, share: number): number {
  return random.chance(share) ? random.within(0.5, 3) : 0
}

/** Ranges of one read model that are at different places: workers of which some hold a range and do nothing. */
function aboutRanges(swarm: Swarm, random: Random): Swarm {
  const { tuning, nemesis } = swarm
  return {
    ...lasting(swarm, 2_500),
    nodes: manyWorkers,
    settleAtMs: undefined,
    poison: 0,
    commandsPerSession: 40,
    thinkMs: 15,
    sessions: 3,
    lanes: 1,
    nemesis: { ...nemesis, stuckWorker: random.within(4, 12), ...noneBack },
    tuning: {
      ...tuning,
      worker: { ...tuning.worker, ranges: 4, limits: { events: 1, eventsBehind: 2 } },
    },
  }
}

/**
 * Writes of one client at the same time, whose transactions commit in another order than their ids say, and which are read
 * one by one: the log and its readers are behind all the time.
 */
function aboutOverlaps(swarm: Swarm, random: Random): Swarm {
  const { sequencer, worker } = swarm.tuning
  return {
    ...lasting(swarm, 2_500),
    nodes: manyWorkers,
    poison: 0,
    database: { ...swarm.database, latencyMs: random.within(2, 4), commitMs: 4, stumble: 0.5 },
    clientRates: { ...swarm.clientRates, slow: 0.4 },
    sessions: random.between(1, 3),
    lanes: 4,
    thinkMs: 1,
    twice: 0.15,
    echoes: random.pick([0, 0.5]),
    commandsPerSession: 40,
    orders: random.between(4, 6),
    nemesis: { ...swarm.nemesis, ...noneBack },
    executor: { ...swarm.executor, batchMax: 1, batchesMax: 3 },
    tuning: {
      ...swarm.tuning,
      sequencer: { ...sequencer, settings: { ...sequencer?.settings, limit: 1 } },
      worker: { ...worker, ranges: 1, limits: { events: 1, eventsBehind: 1 } },
    },
  }
}

/** Stores in which a write stands still halfway while its worker is taken for dead. */
function aboutStuckWrites(swarm: Swarm, random: Random): Swarm {
  const projections = Object.keys(swarm.projections).filter((name) => name !== 'tally')
  const kept = projections.length === 0 ? ['status', 'lines'] : projections
  return {
    ...lasting(swarm, 2_500),
    nodes: manyWorkers,
    orders: random.between(2, 4),
    sessions: 4,
    commandsPerSession: 24,
    thinkMs: 60,
    stores: swarm.stores.map((store) =>
      store.guarantee === 'transactional'
        ? store
        : { ...store, torn: 0.5, stuck: 0.1, rates: { ...store.rates, late: 0.1 } },
    ),
    projections: Object.fromEntries(
      kept.map((name) => [name, name === 'journal' ? 'cold' : 'search']),
    ),
    nemesis: {
      ...swarm.nemesis,
      crash: random.within(1, 5),
      pause: random.within(0, 4),
    },
    tuning: {
      ...swarm.tuning,
      worker: { ...swarm.tuning.worker, leaseTtlMs: 250, build: random.pick([build, noBuild]) },
    },
  }
}

/** Answers that take longer than the read model needs to move on. */
function aboutSlowReads(swarm: Swarm, random: Random): Swarm {
  const kept = Object.keys(swarm.projections).filter((name) => name !== 'journal')
  return {
    ...lasting(swarm, 1_200),
    stores: swarm.stores.map((store) => ({
      ...store,
      latencyMs: random.within(0.5, 2),
      rates: { ...noFaults, slow: 0.3 },
    })),
    projections: Object.fromEntries(
      (kept.length === 0 ? ['status'] : kept).map((name) => [name, 'tables']),
    ),
    sessions: 4,
    lanes: 2,
    thinkMs: 8,
    commandsPerSession: 40,
    orders: random.between(1, 3),
    poison: 0,
    nemesis: { ...swarm.nemesis, ...noneBack },
  }
}

/** A release so early that no version was ever given to readers, and stores that come up late. */
function aboutFirstVersions(swarm: Swarm, random: Random): Swarm {
  return {
    ...lasting(swarm, 200),
    nodes: manyWorkers,
    upgradeAtMs: random.within(1, 60),
    storesUpAtMs: random.within(30, 160),
    stores: swarm.stores.map((store) => ({ ...store, switchMs: 40, rates: noFaults })),
    nemesis: { ...swarm.nemesis, ...nothingElse(swarm) },
    restoreAtRest: false,
  }
}

/** Keys that a person frees while events for them arrive. */
function aboutParkedKeys(swarm: Swarm, random: Random): Swarm {
  const { tuning } = swarm
  return {
    ...lasting(swarm, 1_200),
    poison: 0.5,
    settleAtMs: random.within(200, 500),
    sessions: 4,
    lanes: 2,
    thinkMs: 15,
    commandsPerSession: 60,
    orders: random.between(2, 4),
    upgradeAtMs: undefined,
    projections: { lines: 'search', customers: 'tables', tally: 'tables' },
    stores: swarm.stores.map((store) => ({ ...store, latencyMs: random.within(1, 3) })),
    nemesis: { ...swarm.nemesis, ...noneBack },
    tuning: { ...tuning, worker: { ...tuning.worker, cacheDocuments: random.pick([0, 2_000]) } },
  }
}

/**
 * The same keys again and again, at several processes, while the first call of each is on its way, answered late, or not
 * at all; on orders that come and go.
 */
function aboutRepeats(swarm: Swarm, random: Random): Swarm {
  const { sequencer, worker } = swarm.tuning
  return {
    ...lasting(swarm, 1_200),
    nodes: manyWorkers,
    poison: 0,
    database: {
      ...swarm.database,
      latencyMs: random.within(2, 6),
      commitMs: 4,
      stumble: 0.5,
      rates: { ...noFaults, slow: random.pick([0.1, 0.3]) },
    },
    clientRates: { ...noFaults, slow: 0.3, 'lost-reply': 0.2 },
    sessions: random.between(2, 3),
    lanes: 4,
    thinkMs: 2,
    twice: 0.6,
    echoes: 0.5,
    repeats: 0.42,
    commandsPerSession: 60,
    orders: random.between(2, 3),
    upgradeAtMs: undefined,
    nemesis: { ...swarm.nemesis, ...noneBack },
    executor: { ...swarm.executor, batchMax: 1, batchesMax: 3, transactionsMax: 3 },
    tuning: {
      ...swarm.tuning,
      sequencer: { ...sequencer, settings: { ...sequencer?.settings, limit: 1 } },
      worker: { ...worker, ranges: 1, limits: { events: 1, eventsBehind: 1 } },
    },
  }
}

/** Aggregates that are deleted and made anew while decisions on the life before are under way. */
function aboutSecondLives(swarm: Swarm, random: Random): Swarm {
  return {
    ...lasting(swarm, 1_200),
    poison: 0,
    database: { ...swarm.database, latencyMs: random.within(1, 4), commitMs: 1 },
    sessions: 4,
    lanes: 4,
    thinkMs: 2,
    commandsPerSession: 60,
    orders: random.between(1, 2),
    upgradeAtMs: undefined,
    nemesis: { ...swarm.nemesis, ...noneBack },
    executor: { ...swarm.executor, batchMax: random.pick([1, 3]), transactionsMax: 3 },
  }
}

/** Writes that get their positions late, and queries that wait for them in a world where nothing else is slow. */
function aboutLatePositions(swarm: Swarm, random: Random): Swarm {
  const { restart, pauseProjection } = swarm.nemesis
  return {
    ...lasting(swarm, 2_500),
    nodes: [
      { name: 'n1', roles: ['api', 'worker', 'timer'] },
      { name: 'n2', roles: ['sequencer'] },
    ],
    poison: 0,
    database: { ...swarm.database, rates: noFaults },
    clientRates: noFaults,
    stores: swarm.stores.map((store) => ({ ...store, rates: noFaults })),
    sessions: 3,
    lanes: 2,
    thinkMs: 30,
    commandsPerSession: 24,
    upgradeAtMs: undefined,
    nemesis: {
      ...swarm.nemesis,
      ...nothingElse(swarm),
      restart,
      pauseProjection,
      crash: random.within(2, 4),
      pause: random.within(2, 5),
    },
  }
}

/** Bulk loads whose worker is taken for dead halfway, and one after the other of its successors too. */
function aboutOvertakenLoads(swarm: Swarm, random: Random): Swarm {
  const { tuning, nemesis } = swarm
  return {
    ...lasting(swarm, 1_200),
    nodes: manyWorkers,
    poison: 0,
    stores: swarm.stores.map((store) => ({
      ...store,
      torn: store.guarantee === 'transactional' ? 0 : 0.5,
      stuck: 0.1,
      latencyMs: random.within(2, 8),
      rates: { ...store.rates, late: 0.05 },
    })),
    projections: { status: 'search', lines: 'search', customers: 'search' },
    sessions: 4,
    lanes: 2,
    thinkMs: 10,
    commandsPerSession: random.pick([40, 120]),
    orders: 6,
    upgradeAtMs: random.within(200, 500),
    nemesis: {
      ...nemesis,
      ...nothingElse(swarm),
      crash: random.within(2, 6),
      pause: random.within(2, 8),
      storeCrash: random.within(0, 2),
    },
    tuning: { ...tuning, worker: { ...tuning.worker, leaseTtlMs: 250, build } },
  }
}
