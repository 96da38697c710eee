import { noFaults } from '../kernel/faults.ts'
import type { Random } from '../kernel/random.ts'
import type { BusPlan } from '../bus/bus-plan.ts'
import type { Swarm } from './swarm.ts'

/** Bends some of the worlds with a bus to what drawn knobs hardly ever bring together. Its chance is its own. */
export function withBusFocus(swarm: Swarm, random: Random): Swarm {
  const { bus } = swarm
  const draw = random.next()
  if (bus === undefined || swarm.focus !== 'everything') return swarm
  if (draw < 0.08) return aboutNewTopics(swarm, bus, random)
  return draw < 0.16 ? aboutSilence(swarm, bus, random) : swarm
}

/** Topics made anew under a relay that hardly ever looks, in a process of which others have noticed. */
function aboutNewTopics(swarm: Swarm, bus: BusPlan, random: Random): Swarm {
  const { relay } = bus.tuning
  return {
    ...swarm,
    focus: 'new topics',
    bus: {
      ...bus,
      rates: noFaults,
      relays: new Set(swarm.nodes.map(({ name }) => name)),
      tuning: { ...bus.tuning, relay: { ...relay, pageSize: 4, layoutEveryMs: 3_000 } },
    },
    nodes: swarm.nodes.map(({ name, roles }) => ({
      name,
      roles: [...new Set([...roles, 'relay' as const, 'worker' as const])],
    })),
    sessions: 4,
    thinkMs: 20,
    commandsPerSession: 24,
    nemesis: { ...swarm.nemesis, restoreDatabase: 0, recreateBus: random.within(2, 5) },
  }
}

/** The last messages get lost, nothing tells that the log has grown, and nothing comes after them. */
function aboutSilence(swarm: Swarm, bus: BusPlan, random: Random): Swarm {
  return {
    ...swarm,
    focus: 'silence',
    bus: { ...bus, dropped: random.within(0.2, 0.5) },
    ringLoss: 1,
    durationMs: 4_000,
    thinkMs: 20,
    commandsPerSession: random.between(3, 8),
    upgradeAtMs: undefined,
    nemesis: { ...swarm.nemesis, crash: 0, restart: 0, restoreDatabase: 0, restoreStore: 0 },
    tuning: {
      ...swarm.tuning,
      timers: { ...swarm.tuning.timers, pollMaxMs: 50 },
    },
  }
}
