import type { Focus } from '../world/focus.ts'
import { swarmOf } from '../world/swarm.ts'

/** Seeds of a range in their order, some at a time: all of them, or those whose world is steered to one thing. */
export class SeedList {
  readonly #to: number
  readonly #focus: Focus | undefined
  #next: number

  constructor(range: { readonly from: number; readonly to: number }, focus?: Focus) {
    this.#next = range.from
    this.#to = range.to
    this.#focus = focus
  }

  /** The next ones, `count` at most; none: the range is at its end. */
  take(count: number): readonly number[] {
    const seeds: number[] = []
    for (; this.#next <= this.#to && seeds.length < count; this.#next++)
      if (this.#focus === undefined || swarmOf(this.#next).focus === this.#focus)
        seeds.push(this.#next)
    return seeds
  }
}
