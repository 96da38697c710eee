import type { KeySlots } from './plan-batch.ts'

/** The slots of recently touched keys, bounded. Two streams that share documents meet here sooner or later. */
export class RecentKeySlots implements KeySlots {
  readonly #max: number
  #young = new Map<string, number>()
  #old = new Map<string, number>()

  constructor(max: number) {
    this.#max = max
  }

  swap(key: string, slot: number): number | undefined {
    const before = this.#young.get(key) ?? this.#old.get(key)
    if (before === undefined || !this.#young.has(key)) {
      this.#young.set(key, slot)
      // Two generations instead of an order of use: cheap, and nothing used lately is lost.
      if (this.#young.size >= this.#max) {
        this.#old = this.#young
        this.#young = new Map()
      }
    }
    return before
  }
}
