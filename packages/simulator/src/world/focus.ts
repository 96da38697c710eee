import type { Random } from '../kernel/random.ts'
import type { Swarm } from './swarm.ts'

/**
 * What a world is about. Most are about everything; some steer to where several rare things must meet, which worlds drawn
 * knob by knob hardly ever reach.
 */
export type Focus = 'everything' | 'moves' | 'overlaps' | 'stuck writes' | 'first versions'

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
      return { ...aboutOverlaps(aboutRanges(swarm, random), random), focus }
    case 'stuck writes':
      return { ...aboutStuckWrites(swarm, random), focus }
    case 'first versions':
      return { ...aboutFirstVersions(swarm, random), focus }
  }
}

function focusOf(random: Random): Focus {
  const draw = random.next()
  if (draw < 0.05) return 'moves'
  if (draw < 0.1) return 'overlaps'
  if (draw < 0.16) return 'stuck writes'
  return draw < 0.19 ? 'first versions' : 'everything'
}

function often(random: Random, share: number): number {
  return random.chance(share) ? random.within(0.5, 3) : 0
}

/** The same for another time: what happens at a moment keeps its share of it. */
function lasting(swarm: Swarm, durationMs: number): Swarm {
  const moved = (at: number | undefined): number | undefined =>
    at === undefined ? undefined : (at * durationMs) / swarm.durationMs
  const { upgradeAtMs, settleAtMs } = swarm
  return { ...swarm, durationMs, upgradeAtMs: moved(upgradeAtMs), settleAtMs: moved(settleAtMs) }
}

/** Ranges of one read model that are at different places: workers of which some hold a range and do nothing. */
function aboutRanges(swarm: Swarm, random: Random): Swarm {
  const { tuning, nemesis } = swarm
  return {
    ...lasting(swarm, 2_500),
    nodes: manyWorkers,
    settleAtMs: undefined,
    poison: 0,
    commandsPerSession: 16,
    thinkMs: random.pick([2, 20]),
    nemesis: { ...nemesis, stuckWorker: random.within(4, 12), restoreDatabase: 0 },
    tuning: {
      ...tuning,
      worker: { ...tuning.worker, ranges: 4, limits: { events: 1, eventsBehind: 2 } },
    },
  }
}

/** Writes of one client at the same time, whose transactions commit in another order than their ids say. */
function aboutOverlaps(swarm: Swarm, random: Random): Swarm {
  return {
    ...swarm,
    database: { ...swarm.database, stumble: 0.4, commitMs: 4 },
    clientRates: { ...swarm.clientRates, slow: 0.3 },
    sessions: random.between(1, 2),
    lanes: 4,
    thinkMs: 2,
    commandsPerSession: 40,
    orders: random.between(4, 6),
    executor: { ...swarm.executor, batchMax: 1, batchesMax: 3 },
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
    stores: swarm.stores.map((store) =>
      store.guarantee === 'transactional' ? store : { ...store, torn: 0.5, stuck: 0.06 },
    ),
    projections: Object.fromEntries(
      kept.map((name) => [name, name === 'journal' ? 'cold' : 'search']),
    ),
    nemesis: { ...swarm.nemesis, crash: random.within(1, 5), pause: random.within(0, 4) },
    tuning: {
      ...swarm.tuning,
      worker: { ...swarm.tuning.worker, leaseTtlMs: 250, build: random.pick([build, noBuild]) },
    },
  }
}

/** A release so early that no version was ever given to readers, and stores that come up late. */
function aboutFirstVersions(swarm: Swarm, random: Random): Swarm {
  const rates = { refused: 0.02, 'lost-reply': 0.05, late: 0.15, slow: 0, hang: 0 }
  return {
    ...lasting(swarm, 1_200),
    nodes: manyWorkers,
    upgradeAtMs: random.within(1, 60),
    storesUpAtMs: random.within(0, 120),
    stores: swarm.stores.map((store) => ({ ...store, rates })),
    nemesis: { ...swarm.nemesis, restoreDatabase: 0, restoreStore: 0 },
  }
}

const build = { fromEvents: 1, memoryBytes: 1 }
const noBuild = { fromEvents: 10_000, memoryBytes: 128 * 1024 * 1024 }
const all = ['api', 'sequencer', 'worker', 'timer'] as const
const manyWorkers: Swarm['nodes'] = [
  { name: 'n1', roles: all },
  { name: 'n2', roles: all },
  { name: 'n3', roles: ['worker'] },
]
