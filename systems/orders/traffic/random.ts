/** A seeded source of randomness (mulberry32): the same seed, the same traffic. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  /** An integer from 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)]!
  }

  /** Between `from` and `to`, more often near `from`: waiting times have a long tail. */
  wait(from: number, to: number): number {
    return from + (to - from) * this.next() ** 2
  }

  uuid(): string {
    const digits = Array.from({ length: 32 }, (_, i) =>
      (i === 12 ? 4 : i === 16 ? 8 + this.below(4) : this.below(16)).toString(16),
    )
    return digits.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  }
}
