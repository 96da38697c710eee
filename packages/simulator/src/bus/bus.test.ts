import { afterAll, expect, test } from 'vitest'
import { busSuite } from '../../../conformance/src/bus-suite.ts'
import { noFaults } from '../kernel/faults.ts'
import { Server } from '../kernel/network.ts'
import { Process } from '../kernel/process.ts'
import { Random } from '../kernel/random.ts'
import { Simulation } from '../kernel/simulation.ts'
import { runSeed } from '../world/run-seed.ts'
import { swarmOf, type Swarm } from '../world/swarm.ts'
import { SimBroker, type BusTuning } from './broker.ts'
import { busPlanOf, noBusNemesis } from './bus-plan.ts'
import { SimBus } from './sim-bus.ts'

const honest: BusTuning = {
  partitions: 3,
  maxBytes: 100_000,
  maxSendBytes: 1_000_000,
  retries: 0,
  refusesStrangers: true,
  slack: 0,
  torn: 0,
  dropped: 0,
  repeated: 0,
  swapped: 0,
  damaged: 0,
  heldUp: 0,
  heldUpMs: 0,
}

let over = false
afterAll(() => {
  over = true
})

busSuite({
  test,
  name: 'simulated',
  create: async () => {
    const simulation = new Simulation({ seed: 1 })
    const broker = new SimBroker(simulation, new Server('bus', noFaults, 1, 1_500), honest)
    let removed = false
    const turn = async (): Promise<void> => {
      while (!removed && !over)
        await simulation.kernel.run(() => false, simulation.kernel.nowMs + 100, 1e9)
    }
    void turn()
    let processes = 0
    return {
      connect: async () => new SimBus(broker, new Process(`p${++processes}`)),
      remove: async () => {
        removed = true
      },
    }
  },
})

/** A world in which nothing goes wrong but what its bus does to messages. */
function quietWorld(seed: number, way: Partial<BusTuning>): Swarm {
  const swarm = swarmOf(seed)
  const bus = busOf(swarm)
  const rates = noFaults
  return {
    ...swarm,
    bus: { ...bus, ...honest, latencyMs: 1, rates, ...way },
    nodes: [
      { name: 'n1', roles: ['api', 'sequencer', 'timer', 'relay'] },
      { name: 'n2', roles: ['worker'] },
    ],
    database: { ...swarm.database, rates, stumble: 0 },
    stores: swarm.stores.map((store) => ({ ...store, rates, torn: 0 })),
    clientRates: noFaults,
    ringLoss: 0,
    poison: 0,
    upgradeAtMs: undefined,
    restoreAtRest: false,
    nemesis: { ...noBusNemesis, ...nothing(swarm.nemesis) },
  }
}

function busOf({ bus, nodes }: Swarm): NonNullable<Swarm['bus']> {
  for (let at = 0, found = bus; ; at++) {
    if (found !== undefined) return found
    found = busPlanOf(new Random(at), nodes)
  }
}

function nothing<T extends object>(plan: T): T {
  return Object.fromEntries(Object.keys(plan).map((name) => [name, 0])) as T
}

async function reached(way: Partial<BusTuning>): Promise<ReadonlySet<string>> {
  const marks = new Set<string>()
  for (let seed = 1; seed <= 10; seed++) {
    const result = await runSeed(seed, { swarm: quietWorld(seed, way) })
    expect(result.verdict, `seed ${seed}`).toEqual({ kind: 'passed' })
    for (const mark of Object.keys(result.marks)) marks.add(mark)
  }
  return marks
}

test('where a bus loses nothing, no loss is healed, and what it brings is used', async () => {
  const marks = await reached({})
  expect(marks).toContain('messages of the bus: applied')
  expect(marks).not.toContain('a gap is healed: lost')
}, 120_000)

test('a broker that takes two messages at once gets all of them', async () => {
  expect(await reached({ maxSendBytes: 2_000 })).toContain('messages of the bus: applied')
}, 120_000)

test('a message that a bus loses, brings late or damages is healed from the log, counted by what gave it away', async () => {
  expect(await reached({ dropped: 0.3 })).toContain('a gap is healed: lost')
  expect(await reached({ damaged: 0.5 })).toContain('messages of the bus: invalid')
  expect(await reached({ maxBytes: 560 })).toContain('messages of the bus: refused')
}, 120_000)
