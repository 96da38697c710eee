import { noFaults } from '../kernel/faults.ts'
import type { Random } from '../kernel/random.ts'
import { lasting, manyWorkers, noBuild, nothingElse } from './steer.ts'
import type { Swarm } from './swarm.ts'

// Worlds whose database goes back in time.

/**
 * The database goes back in time, and comes back so soon that hardly any call fails; where leases last, nothing else makes
 * a worker look again.
 */
export function aboutLostEnds(swarm: Swarm, random: Random): Swarm {
  const { worker } = swarm.tuning
  const atRest = random.chance(0.4)
  return {
    ...lasting(swarm, 1_200),
    poison: 0,
    database: { ...swarm.database, rates: noFaults },
    clientRates: noFaults,
    sessions: 4,
    thinkMs: 20,
    commandsPerSession: 24,
    upgradeAtMs: undefined,
    restoreAtRest: false,
    restoreDatabaseAtRest: atRest,
    nemesis: { ...swarm.nemesis, ...nothingElse(swarm), restoreDatabase: atRest ? 0 : 3 },
    tuning: {
      ...swarm.tuning,
      worker: { ...worker, leaseTtlMs: random.pick([worker?.leaseTtlMs ?? 600, 10_000]) },
    },
  }
}

/** Leases that change hands while nothing happens, until the database goes back to a time when they had not. */
export function aboutLostLeases(swarm: Swarm, random: Random): Swarm {
  const { restart } = swarm.nemesis
  return {
    ...lasting(swarm, 2_500),
    nodes: manyWorkers,
    poison: 0,
    database: { ...swarm.database, rates: noFaults },
    clientRates: noFaults,
    stores: swarm.stores.map((store) => ({ ...store, torn: 0, rates: noFaults })),
    sessions: 2,
    lanes: 1,
    thinkMs: 8,
    commandsPerSession: random.between(4, 12),
    upgradeAtMs: undefined,
    restoreAtRest: false,
    backUpAtMs: random.within(400, 900),
    backAfterMs: random.within(500, 1_500),
    nemesis: { ...swarm.nemesis, ...nothingElse(swarm), restart, stuckWorker: 12, crash: 3 },
  }
}

/** The database goes back by a few milliseconds, while writes of stores without transactions have broken off halfway. */
export function aboutLostWrites(swarm: Swarm, random: Random): Swarm {
  const { tuning } = swarm
  return {
    ...lasting(swarm, 400),
    nodes: manyWorkers,
    poison: 0,
    database: { ...swarm.database, rates: noFaults },
    clientRates: noFaults,
    stores: swarm.stores.map((store) => ({
      ...store,
      torn: store.guarantee === 'transactional' ? 0 : 0.9,
      rates: noFaults,
    })),
    projections: random.chance(0.5) ? { status: 'search' } : { journal: 'cold', lines: 'search' },
    sessions: 4,
    lanes: 2,
    thinkMs: 8,
    commandsPerSession: 24,
    upgradeAtMs: undefined,
    restoreAtRest: false,
    backUpAtMs: random.within(60, 250),
    backAfterMs: random.within(4, 80),
    nemesis: { ...swarm.nemesis, ...nothingElse(swarm) },
    tuning: { ...tuning, worker: { ...tuning.worker, ranges: 1, limits: {}, build: noBuild } },
  }
}

/** The database goes back by a few milliseconds: commands are lost whose success is just being noted. */
export function aboutUndoneDeeds(swarm: Swarm, random: Random): Swarm {
  const { tuning } = swarm
  return {
    ...lasting(swarm, 300),
    poison: 0,
    database: { ...swarm.database, latencyMs: random.within(2, 6), commitMs: 1, rates: noFaults },
    clientRates: noFaults,
    sessions: 3,
    lanes: 3,
    thinkMs: 8,
    commandsPerSession: 14,
    orders: 40,
    upgradeAtMs: undefined,
    restoreAtRest: false,
    backUpAtMs: random.within(60, 220),
    backAfterMs: random.within(4, 40),
    nemesis: { ...swarm.nemesis, ...nothingElse(swarm) },
    tuning: {
      ...tuning,
      reactors: { ...tuning.reactors, pollMaxMs: 10, pageSize: random.pick([2, 20]) },
      timers: { ...tuning.timers, pollMaxMs: 10 },
    },
  }
}

/**
 * The database goes back by a few milliseconds while a write is on its way to it; before it arrives, others write the same
 * rows again, with the same versions in transactions of the same ids.
 */
export function aboutOvertakenWrites(swarm: Swarm, random: Random): Swarm {
  const { sequencer } = swarm.tuning
  return {
    ...lasting(swarm, 250),
    nodes: manyWorkers,
    poison: 0,
    database: {
      ...swarm.database,
      latencyMs: random.within(0.5, 2),
      commitMs: 0.3,
      stumble: 0,
      rates: { ...noFaults, late: 0.5 },
    },
    clientRates: noFaults,
    ringLoss: 1,
    sessions: 4,
    lanes: 1,
    thinkMs: 15,
    commandsPerSession: 60,
    orders: 1,
    upgradeAtMs: undefined,
    restoreAtRest: false,
    backUpAtMs: random.within(40, 100),
    backAfterMs: random.within(10, 80),
    nemesis: { ...swarm.nemesis, ...nothingElse(swarm) },
    executor: { ...swarm.executor, batchMax: 1, batchesMax: 3 },
    tuning: {
      ...swarm.tuning,
      sequencer: {
        ...sequencer,
        settings: { ...sequencer?.settings, limit: 10_000, idleMinMs: 400 },
      },
    },
  }
}
