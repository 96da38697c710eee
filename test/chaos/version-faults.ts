import { setTimeout as pause } from 'node:timers/promises'
import type { ChaosWorld } from './chaos-world.ts'
import { orders } from '../../systems/orders/app.ts'
import { milliseconds, type FaultSource } from './fault.ts'

const mixedMs = { least: 500, most: 10_000 }
const releasesMax = 40

/** Rolls out code with a higher version of every read model, process by process, and sometimes back in between. */
export class Releases {
  readonly #world: ChaosWorld
  /** What every process runs when nothing is being rolled out: so many releases after the first. */
  release = 0
  #rolling = false

  constructor(world: ChaosWorld) {
    this.#world = world
  }

  /** Readers that are on the withdrawn version already are given the old one again, as an operator would. */
  async #switchBack(withdrawn: number): Promise<void> {
    const stores = this.#world.stores()
    try {
      for (const { name, version } of orders.projections.values())
        await untilDone(() =>
          stores.of(name).switchTo(name, version + this.release, version + withdrawn),
        )
    } finally {
      await stores.close()
    }
  }

  readonly source: FaultSource = (random) => {
    if (this.#rolling || this.release === releasesMax) return undefined
    const [first, ...others] = this.#world.processes.toSorted(() => random() - 0.5)
    const next = this.release + 1
    const withdrawn = random() < 0.3
    const signal = random() < 0.5 ? 'SIGTERM' : 'SIGKILL'
    const roll = (name: string, release: number): Promise<void> =>
      this.#world.process(name).relaunch({ CHAOS_RELEASE: String(release) }, signal)
    return {
      kind: 'version',
      what: `${first!.name} runs release ${next}${withdrawn ? ', which is withdrawn' : ''}`,
      forMs: milliseconds(random, mixedMs.least, mixedMs.most),
      begin: () => {
        this.#rolling = true
        return roll(first!.name, next)
      },
      end: async () => {
        if (withdrawn) {
          await roll(first!.name, this.release)
          await this.#switchBack(next)
        } else for (const { name } of others) await roll(name, next)
        if (!withdrawn) this.release = next
        this.#rolling = false
      },
    }
  }
}

const patienceMs = 60_000

/** Other things may be going wrong at the same time. */
async function untilDone(step: () => Promise<unknown>): Promise<void> {
  for (const deadline = performance.now() + patienceMs; ;) {
    try {
      await step()
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await pause(500)
    }
  }
}
