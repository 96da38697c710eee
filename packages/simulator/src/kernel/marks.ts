import type { Random } from './random.ts'

/** Places of the simulation that a batch of seeds must reach, and switches that a seed may turn. */
export class Marks {
  readonly reached: Record<string, number> = {}
  readonly #random: Random
  readonly #armed = new Map<string, boolean>()

  constructor(random: Random) {
    this.#random = random
  }

  /** Counts that this place was reached: one that no seed reaches is not tested. */
  sometimes(name: string): void {
    this.reached[name] = (this.reached[name] ?? 0) + 1
  }

  /** Whether something unusual should be done here: a quarter of the seeds arm a site, which then does it a quarter of the time. */
  buggify(name: string): boolean {
    let armed = this.#armed.get(name)
    if (armed === undefined) this.#armed.set(name, (armed = this.#random.chance(0.25)))
    return armed && this.#random.chance(0.25)
  }
}
