import type { ProjectionStore } from '../ports/read-store.ts'

/** Keys remembered; with more, the store is asked for every batch. */
const rememberedMax = 10_000

/**
 * Which keys are parked. Keys are parked by the worker alone, but freed by people: a key that is remembered as parked is
 * looked up again, one that is not remembered needs no look.
 */
export class ParkedSet {
  readonly #store: ProjectionStore
  #keys = new Set<string>()
  #complete = false

  constructor(store: ProjectionStore) {
    this.#store = store
  }

  get size(): number {
    return this.#keys.size
  }

  /** Whether surely nothing is parked. */
  get isEmpty(): boolean {
    return this.#complete && this.#keys.size === 0
  }

  async reload(): Promise<void> {
    const parked = await this.#store.parked(undefined, rememberedMax + 1)
    this.#keys = new Set(parked.map(({ key }) => key))
    this.#complete = parked.length <= rememberedMax
  }

  /** Those of some keys that are parked now. */
  async among(keys: readonly string[]): Promise<ReadonlySet<string>> {
    const suspects = this.#complete ? keys.filter((key) => this.#keys.has(key)) : keys
    if (suspects.length === 0) return none
    const distinct = [...new Set(suspects)]
    const parked = new Set(
      (await this.#store.parked(distinct, distinct.length)).map(({ key }) => key),
    )
    for (const key of distinct) if (!parked.has(key)) this.#keys.delete(key)
    return parked
  }

  add(keys: readonly string[]): void {
    for (const key of keys) this.#keys.add(key)
    if (this.#keys.size > rememberedMax) this.#complete = false
  }
}

const none: ReadonlySet<string> = new Set()
