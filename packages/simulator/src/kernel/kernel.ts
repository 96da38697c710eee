import { EventHeap, type SimEvent } from './event-heap.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Trace } from './trace.ts'

export type RunEnd = 'done' | 'time-over' | 'nothing-left' | 'steps-over'

const stepsPerRound = 16

/**
 * Virtual time and the one queue of what will happen. An event is taken out, everything that follows from it at once has
 * run (all microtasks), then comes the next. Nothing else moves: no timer, no socket, no clock of the machine.
 */
export class Kernel {
  readonly trace: Trace
  readonly #random: Random
  readonly #heap = new EventHeap()
  #nowUs = 0
  #steps = 0

  constructor(random: Random, trace: Trace) {
    this.#random = random
    this.trace = trace
  }

  get nowMs(): number {
    return this.#nowUs / 1_000
  }

  get nowUs(): number {
    return this.#nowUs
  }

  get steps(): number {
    return this.#steps
  }

  /** Lets something happen after a delay. With a process: only if that one still lives, and not while it is stopped. */
  after(
    delayMs: number,
    name: string,
    run: () => void,
    process: Process | undefined = undefined,
  ): SimEvent {
    const event: SimEvent = {
      at: this.#nowUs + Math.max(0, Math.ceil(delayMs * 1_000)),
      tie: this.#random.next(),
      name,
      process,
      run,
      place: -1,
    }
    this.#heap.push(event)
    return event
  }

  /** Calls an event off; nothing happens when it is over. */
  cancel(event: SimEvent): void {
    this.#heap.remove(event)
  }

  /** Lets a process go on that stands still: what had to wait for it happens now. */
  resume(process: Process): void {
    process.pausedUntil = 0
    for (const event of process.held.splice(0)) {
      if (event.place < 0) continue
      this.#heap.remove(event)
      event.at = this.#nowUs
      this.#heap.push(event)
    }
  }

  /** A promise for a moment of the servers' or the world's own. */
  pause(delayMs: number, name: string): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, name, resolve))
  }

  /** Runs until `done` says so, virtual time is over, or so many events have happened. */
  run(done: () => boolean, untilMs: number, stepsMax: number): Promise<RunEnd> {
    const untilUs = untilMs * 1_000
    return new Promise((resolve, reject) => {
      // A tick that a microtask asks for comes once all microtasks have run, and costs less than a round of the machine's loop.
      const next = (): void => process.nextTick(turn)
      const turn = (): void => {
        try {
          const end = this.#turn(done, untilUs, stepsMax)
          if (end !== undefined) resolve(end)
          // Rejections that nobody handles are reported only between rounds.
          else if (this.#steps % stepsPerRound === 0) setImmediate(turn)
          else queueMicrotask(next)
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      }
      setImmediate(turn)
    })
  }

  #turn(done: () => boolean, untilUs: number, stepsMax: number): RunEnd | undefined {
    if (done()) return 'done'
    if (this.#steps >= stepsMax) return 'steps-over'
    for (;;) {
      const event = this.#heap.peek()
      if (event === undefined) return 'nothing-left'
      if (event.at > untilUs) {
        this.#nowUs = untilUs
        return 'time-over'
      }
      this.#heap.pop()
      this.#nowUs = event.at
      if (!this.#takesPlace(event)) continue
      this.#steps++
      this.trace.number(event.at)
      this.trace.mark(event.name)
      event.run()
      return undefined
    }
  }

  #takesPlace(event: SimEvent): boolean {
    const { process } = event
    if (process === undefined) return true
    if (!process.alive) return false
    if (process.pausedUntil <= event.at) return true
    event.at = process.pausedUntil
    process.held.push(event)
    this.#heap.push(event)
    return false
  }
}
