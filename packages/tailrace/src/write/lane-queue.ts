import type { AnyAggregate } from '../declare/aggregate.ts'
import type { CompiledPlain } from './compiled-command.ts'
import { Fifo } from './fifo.ts'
import type { PendingCommand } from './pending-command.ts'

export type PlainPending = PendingCommand<CompiledPlain>

/** The waiting commands of one aggregate, in the order of arrival. */
export interface Lane {
  readonly aggregate: AnyAggregate
  readonly id: string
  first: PlainPending | undefined
  last: PlainPending | undefined
  /** In a batch now: no other batch takes commands of this aggregate. */
  taken: boolean
  /** Counts the batches that took it: tells a batch whether it still holds the lane. */
  turn: number
  /** Goes into a batch of the safe form next, because a batch that held it failed. */
  careful: boolean
  /** Its rows must be loaded, also for commands that could do without. */
  mustLoad: boolean
  /** How many of the first commands hold one that the database refuses; 0: none that is known of. */
  suspects: number
  /** At most so many commands at once, while that one is searched. */
  takeMax: number
  /** To wait before the next try. */
  delayMs: number
}

/** What a batch took of a lane. */
export interface TakenLane {
  readonly lane: Lane
  readonly turn: number
  readonly commands: readonly PlainPending[]
}

/**
 * Commands that wait for a batch, by aggregate. An aggregate is in one batch at a time, so the order of its commands is
 * the order of arrival whatever the number of batches; a busy aggregate does not keep the others waiting for more than one batch.
 */
export class LaneQueue {
  readonly #lanes = new Map<AnyAggregate, Map<string, Lane>>()
  readonly #ready = new Fifo<Lane>()
  readonly #careful = new Fifo<Lane>()
  /** Commands that wait or are in a batch. */
  size = 0

  get ready(): number {
    return this.#ready.size
  }

  get careful(): number {
    return this.#careful.size
  }

  add(pending: PlainPending): void {
    const { aggregate } = pending.command.def
    let ofAggregate = this.#lanes.get(aggregate)
    if (ofAggregate === undefined) this.#lanes.set(aggregate, (ofAggregate = new Map()))
    this.size++
    const lane = ofAggregate.get(pending.id)
    if (lane === undefined) {
      const made: Lane = {
        aggregate,
        id: pending.id,
        first: pending,
        last: pending,
        taken: false,
        turn: 0,
        careful: false,
        mustLoad: false,
        suspects: 0,
        takeMax: Infinity,
        delayMs: 0,
      }
      ofAggregate.set(pending.id, made)
      this.#ready.push(made)
    } else if (lane.last === undefined) {
      lane.first = lane.last = pending
    } else {
      lane.last.next = pending
      lane.last = pending
    }
  }

  /** Takes at most `max` commands of at most `lanesMax` aggregates for a batch. These are held until `giveBack`. */
  take(from: 'ready' | 'careful', max: number, lanesMax: number): TakenLane[] {
    const source = from === 'ready' ? this.#ready : this.#careful
    const taken: TakenLane[] = []
    let room = max
    while (room > 0 && taken.length < lanesMax) {
      const lane = source.shift()
      if (lane === undefined) break
      lane.taken = true
      lane.turn++
      const commands = takeCommands(lane, Math.min(room, lane.takeMax))
      room -= commands.length
      taken.push({ lane, turn: lane.turn, commands })
    }
    return taken
  }

  /** Ends the hold on an aggregate. `again` go back to the front of its commands, in order. */
  giveBack(lane: Lane, answered: number, again: readonly PlainPending[]): void {
    this.size -= answered
    for (let i = again.length - 1; i >= 0; i--) {
      const pending = again[i]!
      pending.next = lane.first
      lane.first = pending
      lane.last ??= pending
    }
    lane.taken = false
    if (lane.first === undefined) this.#lanes.get(lane.aggregate)!.delete(lane.id)
    else (lane.careful ? this.#careful : this.#ready).push(lane)
  }
}

function takeCommands(lane: Lane, max: number): PlainPending[] {
  const commands: PlainPending[] = []
  let next = lane.first
  while (next !== undefined && commands.length < max) {
    commands.push(next)
    const following = next.next as PlainPending | undefined
    next.next = undefined
    next = following
  }
  lane.first = next
  if (next === undefined) lane.last = undefined
  return commands
}
