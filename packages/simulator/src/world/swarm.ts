import type { Role, StartOptions, Tuning } from 'tailrace'
import { noFaults, type FaultRates } from '../kernel/faults.ts'
import { Random } from '../kernel/random.ts'
import {
  busNemesisOf,
  busPlanOf,
  noBusNemesis,
  type BusNemesisPlan,
  type BusPlan,
} from '../bus/bus-plan.ts'
import { withBusFocus } from './bus-focus.ts'
import { focused, type Focus } from './focus.ts'
import type { DatabaseTuning } from '../server/database.ts'
import type { StoreTuning } from '../stores/store-server.ts'

export interface StorePlan extends StoreTuning {
  readonly name: string
  readonly latencyMs: number
  readonly rates: FaultRates
}

/** What may go wrong as a whole, and how often on average during the first phase. */
export interface NemesisPlan extends BusNemesisPlan {
  readonly crash: number
  readonly pause: number
  readonly cut: number
  readonly databaseCrash: number
  readonly storeCrash: number
  readonly longTransaction: number
  readonly clockJump: number
  readonly pauseProjection: number
  readonly restoreStore: number
  readonly restoreDatabase: number
  readonly restart: number
  /** A worker that holds a range and does nothing with it. */
  readonly stuckWorker: number
}

/** The world of one seed: how large it is, how it is tuned, and what goes wrong in it. */
export interface Swarm {
  readonly nodes: readonly { readonly name: string; readonly roles: readonly Role[] }[]
  readonly stores: readonly StorePlan[]
  /** Projection → store. */
  readonly projections: Readonly<Record<string, string>>
  readonly database: DatabaseTuning & { readonly latencyMs: number; readonly rates: FaultRates }
  /** Brings the events to the workers; undefined: they read the log. */
  readonly bus: BusPlan | undefined
  readonly clientRates: FaultRates
  readonly sessions: number
  /** Calls that a session has under way at the same time. */
  readonly lanes: number
  readonly commandsPerSession: number
  /** How often a command with a key is sent twice at the same time, as by a double click. */
  readonly twice: number
  /** How often one that is answered is sent again at once, and how often a question follows at once. */
  readonly echoes: number
  /** The share of calls that send a key again which was sent before. */
  readonly repeats: number
  readonly orders: number
  /** Mean pause between the calls of a session. */
  readonly thinkMs: number
  readonly durationMs: number
  readonly pageSize: number
  readonly ringLoss: number
  readonly poison: number
  /** Whether the reactor fails until somebody sees to it. */
  readonly outsideAway: boolean
  /** When nodes are replaced by ones with newer code or read models; undefined: never. */
  readonly upgradeAtMs: number | undefined
  readonly newCode: boolean
  /** When somebody begins to look after parked keys; undefined: once everything is healed. */
  readonly settleAtMs: number | undefined
  readonly nemesis: NemesisPlan
  /** Whether a read store goes back to an older copy when nothing happens any more. */
  readonly restoreAtRest: boolean
  /** Whether the database goes back in time when nothing happens any more: no event comes after it. */
  readonly restoreDatabaseAtRest: boolean
  /** When copies of everything are made, from which it is restored. */
  readonly backUpAtMs: number
  /** How long after that the database goes back to it, for certain; undefined: as it comes. */
  readonly backAfterMs: number | undefined
  /** When read stores answer for the first time. */
  readonly storesUpAtMs: number
  readonly focus: Focus
  readonly tuning: Tuning
  readonly executor: NonNullable<StartOptions['executor']>
}

/** Draws the world of a seed. Most knobs are off in most seeds, so that each combination comes up alone too. */
export function swarmOf(seed: number): Swarm {
  const random = new Random(seed, 11)
  // A world without slow or missing answers, in which every wait can be held to its bound.
  const calm = random.chance(0.25)
  const stores = storesOf(random, calm)
  const durationMs = random.pick([400, 1_200, 2_500, 4_000])
  const swarm: Swarm = {
    nodes: nodesOf(random),
    stores,
    projections: projectionsOf(random, stores),
    database: {
      latencyMs: random.within(0.2, 2),
      commitMs: random.pick([0.3, 1, 4]),
      stumble: sometimes(random, 0.5, 0.3),
      stalledAfterMs: random.pick([600, 2_000]),
      rates: ratesOf(random, calm),
    },
    bus: undefined,
    clientRates: random.chance(0.5) ? ratesOf(random, calm) : noFaults,
    sessions: random.between(1, 4),
    lanes: random.pick([1, 1, 2, 4]),
    commandsPerSession: random.between(4, 16),
    twice: 0.04,
    echoes: 0,
    repeats: 0.07,
    orders: random.between(1, 6),
    thinkMs: random.pick([0.3, 2, 20, 60]),
    durationMs,
    pageSize: random.pick([2, 10, 1_000]),
    ringLoss: random.pick([0, 0.2, 1]),
    poison: sometimes(random, 0.35, 0.3),
    outsideAway: false,
    upgradeAtMs: random.chance(0.3) ? durationMs * random.within(0.1, 0.9) : undefined,
    newCode: random.chance(0.5),
    settleAtMs: random.chance(0.3) ? durationMs * random.within(0.3, 0.8) : undefined,
    nemesis: nemesisOf(random, calm),
    restoreAtRest: random.chance(0.1),
    restoreDatabaseAtRest: false,
    backUpAtMs: durationMs * 0.3,
    backAfterMs: undefined,
    storesUpAtMs: 0,
    focus: 'everything',
    tuning: tuningOf(random),
    executor: {
      batchMax: random.pick([1, 3, 200]),
      batchesMax: random.between(1, 3),
      operationsMax: random.pick([2, 5_000]),
      conflictsMax: random.pick([3, 16]),
      uncertainMs: random.pick([200, 2_000, 10_000]),
      queueMax: random.pick([3, 10_000, 10_000]),
      transactionsMax: random.between(1, 3),
      // No function of these worlds hangs, and a timer for each command would make every seed another world.
      transactionMs: Infinity,
    },
  }
  const drawn = random.chance(0.15) ? burst(swarm) : swarm
  const bused = withBus(focused(drawn, new Random(seed, 13)), new Random(seed, 12))
  return withOutside(withBusFocus(bused, new Random(seed, 14)), new Random(seed, 15))
}

/** The outside does not answer the reactor until somebody sees to it, in a share of the seeds; the rest of the world is the same. */
function withOutside(swarm: Swarm, random: Random): Swarm {
  if (random.chance(0.75)) return swarm
  const { tuning } = swarm
  const attempts = random.pick([1, 3])
  return {
    ...swarm,
    outsideAway: true,
    tuning: { ...tuning, reactors: { ...tuning.reactors, attempts } },
  }
}

/** With a bus in a share of the seeds. Its chance is its own: the rest of the world is the same without it. */
function withBus(swarm: Swarm, random: Random): Swarm {
  const bus = busPlanOf(random, swarm.nodes)
  if (bus === undefined) return swarm
  const { relay, doubt } = bus.tuning
  return {
    ...swarm,
    bus,
    nodes: swarm.nodes.map(({ name, roles }) => ({
      name,
      roles: bus.relays.has(name) ? [...roles, 'relay'] : roles,
    })),
    nemesis: {
      ...swarm.nemesis,
      ...busNemesisOf(random),
      // The bus is then ahead of the log.
      ...(random.chance(0.25) ? { restoreDatabase: 2 } : {}),
    },
    // Nothing but the bus says then that the log has grown.
    ringLoss: random.chance(0.3) ? 1 : swarm.ringLoss,
    tuning: { ...swarm.tuning, relay, worker: { ...swarm.tuning.worker, doubt } },
  }
}

/** Many calls at the same time on a few orders: batches of many aggregates, of which some must fail. */
function burst(swarm: Swarm): Swarm {
  return {
    ...swarm,
    sessions: 5,
    lanes: 4,
    thinkMs: 0.3,
    commandsPerSession: 16,
    twice: 0.3,
    orders: 6,
    executor: { ...swarm.executor, batchMax: 200, batchesMax: 1, queueMax: 10_000 },
  }
}

/** A value in a share of the seeds, else 0. */
function sometimes(random: Random, share: number, most: number): number {
  const value = random.within(0, most)
  return random.chance(share) ? value : 0
}

function ratesOf(random: Random, calm: boolean): FaultRates {
  const level = random.pick([0, 0, 0.01, 0.04, 0.12])
  return {
    refused: sometimes(random, 0.5, level),
    'lost-reply': sometimes(random, 0.5, level),
    late: sometimes(random, 0.5, level),
    slow: calm ? 0 : sometimes(random, 0.5, level),
    hang: calm ? 0 : sometimes(random, 0.3, level / 4),
  }
}

function nodesOf(random: Random): Swarm['nodes'] {
  const all = ['api', 'sequencer', 'worker', 'timer'] as const
  const plan: (readonly Role[])[] = random.pick([
    [all],
    [all, all],
    [all, all],
    [['api', 'timer'], ['sequencer', 'worker'], all],
    [['api'], ['sequencer', 'timer'], ['worker']],
    [
      ['api', 'sequencer'],
      ['api', 'worker', 'timer'],
      ['sequencer', 'worker'],
    ],
  ])
  return plan.map((roles, i) => ({ name: `n${i + 1}`, roles }))
}

function storesOf(random: Random, calm: boolean): StorePlan[] {
  const plan = (
    name: string,
    guarantee: StoreTuning['guarantee'],
    refresh: boolean,
  ): StorePlan => ({
    name,
    guarantee,
    refreshMs: refresh ? random.pick([20, 200]) : 0,
    refreshOnDemand: random.chance(0.5),
    torn: guarantee === 'transactional' ? 0 : random.pick([0, 0.3]),
    stuck: 0,
    switchMs: 0,
    latencyMs: random.within(0.2, 2),
    rates: ratesOf(random, calm),
  })
  return [
    plan('tables', 'transactional', false),
    plan('search', 'versioned', random.chance(0.5)),
    plan('cold', 'append', false),
  ]
}

function projectionsOf(random: Random, stores: readonly StorePlan[]): Record<string, string> {
  const [tables, search, cold] = stores.map(({ name }) => name)
  const documents = (): string => (random.chance(0.6) ? tables! : search!)
  const all: Record<string, string> = {
    status: documents(),
    lines: documents(),
    customers: documents(),
    journal: random.chance(0.5) ? tables! : cold!,
    tally: tables!,
  }
  const kept = random.shuffled(Object.keys(all)).slice(0, random.between(1, 4))
  return Object.fromEntries(kept.map((name) => [name, all[name]!]))
}

function nemesisOf(random: Random, calm: boolean): NemesisPlan {
  const rate = (share: number, most: number): number => sometimes(random, share, most)
  const unlessCalm = (share: number, most: number): number => (calm ? 0 : rate(share, most))
  return {
    crash: rate(0.6, 3),
    pause: rate(0.4, 3),
    cut: unlessCalm(0.4, 3),
    databaseCrash: unlessCalm(0.25, 1.5),
    storeCrash: unlessCalm(0.3, 2),
    longTransaction: rate(0.3, 2),
    clockJump: rate(0.2, 2),
    pauseProjection: rate(0.15, 1.5),
    restoreStore: rate(0.2, 1.5),
    restoreDatabase: unlessCalm(0.2, 1.5),
    restart: rate(0.3, 2),
    stuckWorker: 0,
    ...noBusNemesis,
  }
}

function tuningOf(random: Random): Tuning {
  const leaseTtlMs = random.pick([250, 600, 1_500])
  return {
    sequencer: {
      callTimeoutMs: random.pick([300, 2_000]),
      settings: {
        limit: random.pick([1, 3, 10_000]),
        idleMaxMs: random.pick([10, 50]),
        maintainEveryMs: random.pick([100, 500]),
        seekEveryMs: random.pick([50, 300]),
        retryMaxMs: random.pick([200, 1_000]),
      },
    },
    worker: {
      ranges: random.between(1, 4),
      leaseTtlMs,
      cacheDocuments: random.pick([0, 2, 2_000]),
      limits: random.pick([{ events: 1, eventsBehind: 2 }, { events: 3, eventsBehind: 5 }, {}]),
      build: {
        fromEvents: random.pick([1, 8, 10_000]),
        memoryBytes: random.pick([1, 128 * 1024 * 1024]),
      },
    },
    reactors: {
      attempts: 8,
      retryMinMs: 20,
      retryMaxMs: 500,
      timeoutMs: 5_000,
      pageSize: random.pick([1, 200]),
      streams: random.pick([1, 16]),
      pollMaxMs: 100,
      idleCheckpointMs: 200,
      leaseTtlMs,
      ranges: random.between(1, 2),
    },
    timers: {
      limit: random.pick([1, 200]),
      holdMs: random.pick([50, 400, 3_000]),
      pollMaxMs: 200,
      retryMaxMs: 500,
    },
    read: { maxWaiters: random.pick([1, 10_000, 10_000]), runMs: random.pick([1_000, 4_000]) },
  }
}
