import { plantedBugs } from '../planted/all-bugs.ts'
import { withBug } from '../planted/plant.ts'
import { WorkerProcess } from './worker-process.ts'

export interface CaughtBug {
  readonly bug: string
  readonly invariant: string
  /** The first seed that fails with it; null: none of those tried. */
  readonly caughtAtSeed: number | null
  readonly how: string | undefined
}

export interface RunPlantedOptions {
  readonly from: number
  readonly to: number
  readonly processes: number
  readonly only: ReadonlySet<string> | undefined
  /** Where to look first, by bug. */
  readonly first?: Readonly<Record<string, number>>
  readonly onCaught: (caught: CaughtBug) => void
}

const chunk = 10
/** A bug may keep the process busy for ever: that is a way to be caught, too. */
const silentMs = 20_000

/** Plants one bug after the other, each in a process of its own, and looks for the first seed that fails. Throws when one does not fit. */
export async function runPlanted(options: RunPlantedOptions): Promise<readonly CaughtBug[]> {
  const waiting = plantedBugs.filter(({ id }) => options.only?.has(id) !== false)
  // A process that cannot plant its bug ends, which would pass for being caught.
  for (const bug of waiting) withBug(bug)
  const caught: CaughtBug[] = []
  const lane = async (): Promise<void> => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      const found = await hunt(bug.id, options)
      const one = { bug: bug.id, invariant: bug.invariant, ...found }
      caught.push(one)
      options.onCaught(one)
    }
  }
  await Promise.all(Array.from({ length: options.processes }, lane))
  return caught
}

function hunt(
  bug: string,
  { from, to, first }: RunPlantedOptions,
): Promise<Pick<CaughtBug, 'caughtAtSeed' | 'how'>> {
  return new Promise((resolve) => {
    // The seed that is known to catch it comes before all others.
    let known = first?.[bug]
    let next = from
    let running = known ?? from
    const end = (caughtAtSeed: number | null, how: string | undefined): void => {
      resolve({ caughtAtSeed, how })
      process.kill()
    }
    const process = new WorkerProcess({
      bug,
      silentMs,
      onMessage(message) {
        if (message.kind === 'seed') {
          const { seed, failure } = message.report
          running = seed + 1
          if (failure !== undefined) end(seed, failure)
        } else if (message.kind === 'idle') {
          if (known !== undefined) {
            process.send({ kind: 'run', from: known, to: known })
            known = undefined
            return
          }
          if (next > to) return end(null, undefined)
          process.send({ kind: 'run', from: next, to: Math.min(next + chunk - 1, to) })
          next += chunk
        }
      },
      // After a resolution this changes nothing.
      onEnd: (reason) => resolve({ caughtAtSeed: running, how: reason }),
    })
  })
}
