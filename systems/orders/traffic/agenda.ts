/** What is to be done, by time: a binary heap with a bound. */
export class Agenda<T extends { readonly at: number }> {
  readonly #heap: T[] = []
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#heap.length
  }

  /** Adds all of them, or none when there is no room. */
  add(items: readonly T[]): boolean {
    if (this.#heap.length + items.length > this.#max) return false
    for (const item of items) this.#push(item)
    return true
  }

  /** Takes what is due at `now`, the earliest first. */
  due(now: number): T[] {
    const due: T[] = []
    while (this.#heap.length > 0 && this.#heap[0]!.at <= now) due.push(this.#pop())
    return due
  }

  #push(item: T): void {
    const heap = this.#heap
    let i = heap.length
    heap.push(item)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (heap[parent]!.at <= item.at) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = item
  }

  #pop(): T {
    const heap = this.#heap
    const top = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return top
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child += 1
      if (heap[child]!.at >= last.at) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return top
  }
}
