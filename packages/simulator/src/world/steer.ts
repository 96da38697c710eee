import type { Swarm } from './swarm.ts'

// What steered worlds share.

/** The same for another time: what happens at a moment keeps its share of it. */
export function lasting(swarm: Swarm, durationMs: number): Swarm {
  const moved = (at: number | undefined): number | undefined =>
    at === undefined ? undefined : (at * durationMs) / swarm.durationMs
  return {
    ...swarm,
    durationMs,
    upgradeAtMs: moved(swarm.upgradeAtMs),
    settleAtMs: moved(swarm.settleAtMs),
    backUpAtMs: durationMs * 0.3,
  }
}

/** Every deed of the nemesis left out, to be followed by those that are meant. */
export function nothingElse({ nemesis }: Swarm): Record<string, number> {
  return Object.fromEntries(Object.keys(nemesis).map((deed) => [deed, 0]))
}

/** Nothing goes back in time. */
export const noneBack = { restoreDatabase: 0, restoreStore: 0 }
/** Every version is loaded in bulk, in many parts; or none is. */
export const build = { fromEvents: 1, memoryBytes: 1 }
export const noBuild = { fromEvents: 10_000, memoryBytes: 128 * 1024 * 1024 }
const all = ['api', 'sequencer', 'worker', 'timer'] as const
export const manyWorkers: Swarm['nodes'] = [
  { name: 'n1', roles: all },
  { name: 'n2', roles: all },
  { name: 'n3', roles: ['worker'] },
]
