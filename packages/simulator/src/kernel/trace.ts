/** What happened, as a running hash, and as lines when somebody wants to read them. */
export class Trace {
  #high = 0x811c9dc5
  #low = 0x1b873593
  readonly #lines: TraceLine[] | undefined

  constructor(keep: boolean) {
    this.#lines = keep ? [] : undefined
  }

  /** Whether lines are kept: spares the making of texts that nobody reads. */
  get kept(): boolean {
    return this.#lines !== undefined
  }

  get lines(): readonly TraceLine[] {
    return this.#lines ?? []
  }

  /** Equal for two runs exactly when the same happened in both, but for accidents of hashing. */
  get hash(): string {
    return [this.#high, this.#low]
      .map((part) => (part >>> 0).toString(16).padStart(8, '0'))
      .join('')
  }

  mark(text: string): void {
    let high = this.#high
    let low = this.#low
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      high = Math.imul(high ^ unit, 0x01000193)
      low = Math.imul(low ^ unit, 0x85ebca6b) ^ (low >>> 13)
    }
    this.#high = high
    this.#low = low
  }

  number(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193)
    this.#low = Math.imul(this.#low ^ value, 0x85ebca6b) ^ (this.#low >>> 13)
  }

  /** Says something to people; the hash does not hear it. */
  say(atMs: number, who: string, text: string): void {
    this.#lines?.push({ atMs, who, text })
  }
}

export interface TraceLine {
  readonly atMs: number
  readonly who: string
  readonly text: string
}
