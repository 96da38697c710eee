import { WriteConflict, WriteFailed, type WriteBatch } from '../ports/write-store.ts'
import { decideLane, needsNoLoad, type LaneWork } from './decide-lane.ts'
import type { ExecutorCore } from './executor-core.ts'
import { isUnclassified, LaneFailures, passed } from './lane-failures.ts'
import type { LaneQueue, TakenLane } from './lane-queue.ts'
import { loadLanes, type Loads } from './load-lanes.ts'
import { outcomeOf } from './outcomes.ts'
import { writeBatchOf } from './write-batch.ts'

/** How many batches load everything after a command believed its aggregate to be new, and it was not. */
const betsPausedFor = 64

/**
 * Runs batches: one load, decide in memory, one write.
 *
 * The fast form writes the whole batch at once. When that fails, nothing happened, and the aggregates of the batch go into
 * the safe form: one savepoint per aggregate. An aggregate whose rows the database refuses is tried with the first half of
 * its commands, and so on down to the one command that is to blame; every try decides again, because the later commands
 * saw what the earlier ones would have written. (A savepoint per command of one aggregate would not do: a command whose
 * predecessor failed could meet the version that it expects, written by somebody else.)
 */
export class BatchRunner {
  readonly #core: ExecutorCore
  readonly #queue: LaneQueue
  readonly #failures: LaneFailures
  // To decide 'new' without a load is a bet. A lost one costs a batch, so it is not made again for a while.
  #betsPaused = 0

  constructor(core: ExecutorCore, queue: LaneQueue) {
    this.#core = core
    this.#queue = queue
    this.#failures = new LaneFailures(core, queue)
  }

  /** Never rejects: every command taken is answered, ended with an error, or given back to the queue. */
  async run(taken: readonly TakenLane[], form: 'fast' | 'safe'): Promise<void> {
    let delayMs = 0
    for (const { lane } of taken) delayMs = Math.max(delayMs, lane.delayMs)
    if (delayMs > 0) await this.#core.clock.sleep(delayMs)
    try {
      const works = await this.#decided(taken, form)
      await (form === 'fast' ? this.#commitFast(works) : this.#commitSafe(works))
    } catch (error) {
      // Only an error of ours comes here. What is still held may have been committed.
      for (const { lane, commands, turn } of taken) {
        if (lane.taken && lane.turn === turn) this.#failures.lost(lane, commands, [], error)
      }
    }
  }

  async #decided(taken: readonly TakenLane[], form: 'fast' | 'safe'): Promise<LaneWork[]> {
    const wanted = this.#wanted(taken, form)
    if (wanted.length === 0)
      return this.#decideAll(taken, { states: new Map(), records: new Map() })
    const { loads, failures } = await loadLanes(this.#core.store, wanted)
    for (const { one, error } of failures) this.#failures.unreadable(one.lane, one.commands, error)
    const failed = new Set(failures.map(({ one }) => one))
    return this.#decideAll(
      failed.size === 0 ? taken : taken.filter((one) => !failed.has(one)),
      loads,
    )
  }

  /** The aggregates to load: all but those whose first command makes them new. */
  #wanted(taken: readonly TakenLane[], form: 'fast' | 'safe'): TakenLane[] {
    const betting = form === 'fast' && this.#betsPaused === 0
    if (form === 'fast' && this.#betsPaused > 0) this.#betsPaused--
    const wanted: TakenLane[] = []
    for (const one of taken) {
      if (!betting || one.lane.mustLoad || !needsNoLoad(one.commands[0]!)) wanted.push(one)
      one.lane.mustLoad = false
    }
    return wanted
  }

  #decideAll(taken: readonly TakenLane[], { states, records }: Loads): LaneWork[] {
    const context = { now: this.#core.store.now(), onFailure: this.#core.onFailure }
    const works: LaneWork[] = []
    let room = this.#core.limits.operationsMax
    for (const one of taken) {
      if (room <= 0) {
        this.#queue.giveBack(one.lane, 0, one.commands)
        continue
      }
      const work = decideLane(one, states.get(one.lane), records, context, room)
      room -= work.operations
      works.push(work)
    }
    return works
  }

  async #commitFast(works: readonly LaneWork[]): Promise<void> {
    const batch = writeBatchOf(works)
    let xid: string | undefined
    try {
      if (batch !== undefined) xid = (await this.#core.store.commit(batch)).xid
    } catch (error) {
      if (error instanceof WriteConflict && (error.kind === 'exists' || error.kind === 'command'))
        this.#betsPaused = betsPausedFor
      for (const work of works) {
        if (works.length === 1) this.#failures.failed(work, error)
        else this.#failures.failedTogether(work, error)
      }
      return
    }
    for (const work of works) this.#settle(work, xid)
  }

  async #commitSafe(works: readonly LaneWork[]): Promise<void> {
    const writing: LaneWork[] = []
    const batches: WriteBatch[] = []
    for (const work of works) {
      const batch = writeBatchOf([work])
      if (batch === undefined) this.#settle(work, undefined)
      else {
        writing.push(work)
        batches.push(batch)
      }
    }
    if (batches.length === 0) return
    let each
    try {
      each = await this.#core.store.commitEach(batches)
    } catch (error) {
      const ofContent = error instanceof WriteFailed || isUnclassified(error)
      if (ofContent && writing.length > 1) return this.#commitAlone(writing, batches)
      for (const work of writing) this.#failures.failed(work, error)
      return
    }
    for (let i = 0; i < writing.length; i++) {
      if (each.failures[i] === undefined) this.#settle(writing[i]!, each.xid)
      else this.#failures.failed(writing[i]!, each.failures[i])
    }
  }

  /** What the database refuses only at the end (a deferred constraint) no savepoint isolates: one transaction each. */
  async #commitAlone(works: readonly LaneWork[], batches: readonly WriteBatch[]): Promise<void> {
    for (let i = 0; i < works.length; i++) {
      let committed
      try {
        committed = await this.#core.store.commit(batches[i]!)
      } catch (error) {
        this.#failures.failed(works[i]!, error)
        continue
      }
      this.#settle(works[i]!, committed.xid)
    }
  }

  #settle({ lane, decided, left }: LaneWork, xid: string | undefined): void {
    const identity = this.#core.identity()
    const outcomes = decided.map(({ pending, decision }) =>
      outcomeOf(pending, decision, xid, identity),
    )
    for (let i = 0; i < decided.length; i++) this.#core.answer(decided[i]!.pending, outcomes[i]!)
    passed(lane, decided.length)
    this.#queue.giveBack(lane, decided.length, left)
  }
}
