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
  canceled: boolean
}

/** The one queue of a simulation, by (time, seeded tie-break). */
export class EventHeap {
  readonly #events: SimEvent[] = []

  get size(): number {
    return this.#events.length
  }

  peek(): SimEvent | undefined {
    return this.#events[0]
  }

  push(event: SimEvent): void {
    const events = this.#events
    let at = events.length
    events.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(event, events[parent]!)) break
      events[at] = events[parent]!
      at = parent
    }
    events[at] = event
  }

  pop(): SimEvent | undefined {
    const events = this.#events
    const first = events[0]
    const last = events.pop()
    if (first === undefined || last === undefined || first === last) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= events.length) break
      if (child + 1 < events.length && before(events[child + 1]!, events[child]!)) child++
      if (!before(events[child]!, last)) break
      events[at] = events[child]!
      at = child
    }
    events[at] = last
    return first
  }
}

function before(a: SimEvent, b: SimEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.tie < b.tie)
}
