import { plantedBugs } from '../planted/all-bugs.ts'
import { withBug } from '../planted/plant.ts'
import type { Focus } from '../world/focus.ts'
import { SeedList } from './seed-list.ts'
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
  /** Only seeds whose worlds are about this. Default: all. */
  readonly focus?: Focus | undefined
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
  { first, focus, ...range }: RunPlantedOptions,
): Promise<Pick<CaughtBug, 'caughtAtSeed' | 'how'>> {
  return new Promise((resolve) => {
    // The seed that is known to catch it comes before all others.
    const known = first?.[bug]
    const list = new SeedList(range, focus)
    let running = known === undefined ? list.take(chunk) : [known]
    let begun = false
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
          running = running.slice(1)
          if (failure !== undefined) end(seed, failure)
        } else if (message.kind === 'idle') {
          if (begun && (running = list.take(chunk)).length === 0) return end(null, undefined)
          begun = true
          process.send({ kind: 'run', seeds: running })
        }
      },
      // After a resolution this changes nothing.
      onEnd: (reason) => resolve({ caughtAtSeed: running[0] ?? null, how: reason }),
    })
  })
}
