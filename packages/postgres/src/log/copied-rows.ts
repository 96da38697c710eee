const tab = 9
const zero = 48

/**
 * Rows of COPY's text format as the bytes that came, outside of the garbage-collected heap: a part of the log that waits
 * for its consumer costs the collector nothing. The first column is the position, in decimal.
 */
export class CopiedRows {
  #bytes = Buffer.allocUnsafeSlow(1 << 20)
  #used = 0
  readonly #ends: number[] = []
  readonly #positions: number[] = []
  #ordered = true

  get length(): number {
    return this.#ends.length
  }

  /** Copies a row with its newline. */
  add(row: Buffer): void {
    const end = this.#used + row.length - 1
    if (end > this.#bytes.length) this.#grow(end)
    row.copy(this.#bytes, this.#used, 0, row.length - 1)
    const position = positionOf(row)
    this.#ordered &&= position > (this.#positions.at(-1) ?? 0)
    this.#positions.push(position)
    this.#ends.push(end)
    this.#used = end
  }

  /** The rows as text, by position. */
  *lines(): Generator<string, void, undefined> {
    const order = this.#positions.map((_, row) => row)
    if (!this.#ordered) order.sort((a, b) => this.#positions[a]! - this.#positions[b]!)
    for (const row of order) {
      yield this.#bytes.toString('utf8', row === 0 ? 0 : this.#ends[row - 1]!, this.#ends[row])
    }
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#used)
    this.#bytes = grown
  }
}

/** Exact up to 2^53, which is enough to sort by. */
function positionOf(row: Buffer): number {
  let position = 0
  for (let i = 0; row[i] !== tab; i++) position = position * 10 + row[i]! - zero
  return position
}
