import type { Process } from './process.ts'

/** Something that happens at a moment of virtual time. */
export interface SimEvent {
  /** Microseconds. */
  at: number
  /** Decides among events of one moment. */
  readonly tie: number
  readonly name: string
  /** Undefined: it concerns a server or the world, and happens whatever becomes of processes. */
  readonly process: Process | undefined
  readonly run: () => void
  /** Where it is in the queue; -1: it is not. */
  place: number
}

/** The one queue of a simulation, by (time, seeded tie-break). What is called off leaves it at once: most timers are. */
export class EventHeap {
  readonly #events: SimEvent[] = []

  get size(): number {
    return this.#events.length
  }

  peek(): SimEvent | undefined {
    return this.#events[0]
  }

  push(event: SimEvent): void {
    this.#events.push(event)
    this.#rise(event, this.#events.length - 1)
  }

  pop(): SimEvent | undefined {
    const first = this.#events[0]
    if (first !== undefined) this.remove(first)
    return first
  }

  /** Does nothing to an event that is not in it. */
  remove(event: SimEvent): void {
    const { place } = event
    if (place < 0) return
    event.place = -1
    const last = this.#events.pop()!
    if (last === event) return
    const parent = this.#events[(place - 1) >> 1]
    if (place > 0 && before(last, parent!)) this.#rise(last, place)
    else this.#sink(last, place)
  }

  #rise(event: SimEvent, from: number): void {
    const events = this.#events
    let at = from
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = events[up]!
      if (!before(event, parent)) break
      events[at] = parent
      parent.place = at
      at = up
    }
    events[at] = event
    event.place = at
  }

  #sink(event: SimEvent, from: number): void {
    const events = this.#events
    let at = from
    for (;;) {
      let down = 2 * at + 1
      if (down >= events.length) break
      if (down + 1 < events.length && before(events[down + 1]!, events[down]!)) down++
      const child = events[down]!
      if (!before(child, event)) break
      events[at] = child
      child.place = at
      at = down
    }
    events[at] = event
    event.place = at
  }
}

function before(a: SimEvent, b: SimEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.tie < b.tie)
}
