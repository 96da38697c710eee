/** Items by rank, lowest first. Items that are gone are left in place, and swept out once they are the larger half. */
export class MinHeap<T extends { gone: boolean }, Rank extends bigint | number> {
  readonly #rank: (item: T) => Rank
  #items: T[] = []
  #gone = 0

  constructor(rank: (item: T) => Rank) {
    this.#rank = rank
  }

  /** How many items are not gone. */
  get size(): number {
    return this.#items.length - this.#gone
  }

  push(item: T): void {
    this.#items.push(item)
    this.#up(this.#items.length - 1)
  }

  /** The lowest item that is not gone, without taking it. */
  peek(): T | undefined {
    while (this.#items[0]?.gone === true) {
      this.#take()
      this.#gone--
    }
    return this.#items[0]
  }

  pop(): T | undefined {
    const lowest = this.peek()
    if (lowest !== undefined) this.#take()
    return lowest
  }

  /** Marks an item of this heap that is still in it as gone. */
  drop(item: T): void {
    if (item.gone) return
    item.gone = true
    this.#gone++
    if (this.#gone <= this.#items.length / 2) return
    this.#items = this.#items.filter((one) => !one.gone)
    this.#gone = 0
    for (let i = (this.#items.length >> 1) - 1; i >= 0; i--) this.#down(i)
  }

  #take(): void {
    const last = this.#items.pop()
    if (last === undefined || this.#items.length === 0) return
    this.#items[0] = last
    this.#down(0)
  }

  #up(from: number): void {
    let i = from
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (this.#rankAt(parent) <= this.#rankAt(i)) return
      this.#swap(i, parent)
      i = parent
    }
  }

  #down(from: number): void {
    let i = from
    for (;;) {
      const left = 2 * i + 1
      const right = left + 1
      let lowest = i
      if (left < this.#items.length && this.#rankAt(left) < this.#rankAt(lowest)) lowest = left
      if (right < this.#items.length && this.#rankAt(right) < this.#rankAt(lowest)) lowest = right
      if (lowest === i) return
      this.#swap(i, lowest)
      i = lowest
    }
  }

  #rankAt(i: number): Rank {
    return this.#rank(this.#items[i]!)
  }

  #swap(a: number, b: number): void {
    const item = this.#items[a]!
    this.#items[a] = this.#items[b]!
    this.#items[b] = item
  }
}
