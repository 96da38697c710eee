import type { Database } from '../../packages/simulator/src/server/database.ts'
import { stepText, type History } from './history.ts'
import { randomHistory, sessions } from './random-history.ts'
import type { RealServer } from './real-side.ts'
import { differences, type Seen } from './seen.ts'
import { SimulatedSide } from './simulated-side.ts'

/** Makes the simulated database another one, to be found out. */
export type Deviation = (database: Database) => void

/** Where the two went apart. */
export interface Disagreement {
  readonly history: History
  /** The last step of the history, where it shows. */
  readonly lines: readonly string[]
}

export interface Compared {
  readonly steps: number
  /** How often a session had to wait. */
  readonly waits: number
  readonly disagreement: Disagreement | undefined
}

const stepsPerHistory = 24

/** Runs the seed's history on both. */
export async function compareSeed(
  server: RealServer,
  seed: number,
  deviation?: Deviation,
): Promise<Compared> {
  const history = await randomHistory(seed, stepsPerHistory)
  return { steps: history.length, ...(await compare(server, history, deviation)) }
}

async function compare(
  server: RealServer,
  history: History,
  deviation?: Deviation,
): Promise<{ readonly disagreement: Disagreement | undefined; readonly waits: number }> {
  const simulated = await SimulatedSide.open(sessions, deviation)
  const real = await server.open(sessions)
  let waits = 0
  let blocked: readonly string[] = []
  try {
    for (const [i, step] of history.entries()) {
      const here: Seen = await simulated.take(step)
      const there: Seen = await real.take(step)
      const lines = differences(here, there)
      if (lines.length > 0)
        return { disagreement: { history: history.slice(0, i + 1), lines }, waits }
      waits += there.blocked.filter((name) => !blocked.includes(name)).length
      blocked = there.blocked
    }
    return { disagreement: undefined, waits }
  } finally {
    await real.close()
  }
}

/** Leaves out one step after the other for as long as they still go apart. */
export async function smallest(
  server: RealServer,
  found: Disagreement,
  deviation?: Deviation,
): Promise<Disagreement> {
  let best = found
  for (let at = best.history.length - 2; at >= 0; at--) {
    const without = best.history.toSpliced(at, 1)
    if (await hasRace(without)) continue
    const { disagreement } = await compare(server, without, deviation)
    if (disagreement === undefined) continue
    best = disagreement
    at = Math.min(at, best.history.length - 1)
  }
  return best
}

async function hasRace(history: History): Promise<boolean> {
  const side = await SimulatedSide.open(sessions)
  for (const step of history) {
    await side.take(step)
    if (side.raced) return true
  }
  return false
}

export function disagreementText(seed: number, { history, lines }: Disagreement): string {
  const steps = history.map((step, i) => `  ${String(i + 1).padStart(2)} ${stepText(step)}`)
  return [`seed ${seed}: they differ after the last of`, ...steps, ...lines].join('\n')
}
