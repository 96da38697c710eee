import { isTailraceError } from '../errors.ts'
import {
  WriteConflict,
  WriteFailed,
  type CommandRecord,
  type WriteBatch,
} from '../ports/write-store.ts'
import { stateOf, type AggregateState } from './aggregate-state.ts'
import { decideLane, needsNoLoad, type LaneWork } from './decide-lane.ts'
import type { ExecutorCore } from './executor-core.ts'
import { isUnclassified, laneFailures, passed } from './lane-failures.ts'
import type { Lane, LaneQueue, TakenLane } from './lane-queue.ts'
import { outcomeOf } from './outcomes.ts'
import { mayBeRecorded } from './pending-command.ts'
import { writeBatchOf } from './write-batch.ts'

/**
 * Runs batches: one load, decide in memory, one write.
 *
 * The fast form writes the whole batch at once. When that fails, nothing happened, and the aggregates of the batch go into
 * the safe form: one savepoint per aggregate. An aggregate whose rows the database refuses is tried with the first half of
 * its commands, and so on down to the one command that is to blame; every try decides again, because the later commands
 * saw what the earlier ones would have written. (A savepoint per command of one aggregate would not do: a command whose
 * predecessor failed could meet the version that it expects, written by somebody else.)
 */
export interface BatchRunner {
  /** Never rejects: every command taken is answered, ended, or given back to the queue. */
  run(taken: readonly TakenLane[], form: 'fast' | 'safe'): Promise<void>
}

interface Loads {
  readonly states: ReadonlyMap<Lane, AggregateState>
  readonly records: ReadonlyMap<string, CommandRecord>
}

export function batchRunner(core: ExecutorCore, queue: LaneQueue): BatchRunner {
  const { store, limits, clock } = core
  const failures = laneFailures(core, queue)
  // Deciding 'new' without a load is a bet that the aggregate is new. A lost bet costs a batch, so it is not made again for a while.
  let betsPaused = 0

  async function run(taken: readonly TakenLane[], form: 'fast' | 'safe'): Promise<void> {
    let delayMs = 0
    for (const { lane } of taken) delayMs = Math.max(delayMs, lane.delayMs)
    if (delayMs > 0) await clock.sleep(delayMs)
    const open = new Set(taken)
    try {
      const loads = await load(taken, form, open)
      if (loads === undefined) return
      const works = decideAll([...open], loads)
      await (form === 'fast' ? commitFast(works) : commitSafe(works))
    } catch (error) {
      // Only an error of ours comes here. Its batch may have been committed.
      for (const { lane, commands, turn } of taken)
        if (lane.taken && lane.turn === turn) failures.lost(lane, commands, [], error)
    }
  }

  async function load(
    taken: readonly TakenLane[],
    form: 'fast' | 'safe',
    open: Set<TakenLane>,
  ): Promise<Loads | undefined> {
    const wanted: TakenLane[] = []
    const commandIds: string[] = []
    const betting = form === 'fast' && betsPaused === 0
    if (form === 'fast' && betsPaused > 0) betsPaused--
    for (const one of taken) {
      const bet = betting && !one.lane.mustLoad && needsNoLoad(one.commands[0]!)
      one.lane.mustLoad = false
      if (bet) continue
      wanted.push(one)
      for (const pending of one.commands)
        if (mayBeRecorded(pending)) commandIds.push(pending.commandId)
    }
    if (wanted.length === 0) return { states: new Map(), records: new Map() }
    try {
      return await loadAll(wanted, commandIds)
    } catch (error) {
      if (isTailraceError(error) && error.code === 'UNAVAILABLE') {
        for (const { lane, commands } of taken) failures.unavailable(lane, commands, error)
        return undefined
      }
      return loadOneByOne(wanted, open)
    }
  }

  async function loadAll(
    wanted: readonly TakenLane[],
    commandIds: readonly string[],
  ): Promise<Loads> {
    const loaded = await store.load(
      wanted.map(({ lane }) => lane),
      commandIds,
    )
    const states = new Map<Lane, AggregateState>()
    for (let i = 0; i < wanted.length; i++)
      states.set(wanted[i]!.lane, stateOf(wanted[i]!.lane.aggregate, loaded.aggregates[i]))
    const records = new Map<string, CommandRecord>()
    for (const record of loaded.commands)
      if (record !== undefined) records.set(record.commandId, record)
    return { states, records }
  }

  /** One aggregate whose rows cannot be read must not take the others with it. */
  async function loadOneByOne(wanted: readonly TakenLane[], open: Set<TakenLane>): Promise<Loads> {
    const states = new Map<Lane, AggregateState>()
    const records = new Map<string, CommandRecord>()
    for (const one of wanted) {
      try {
        const ids = one.commands.filter(mayBeRecorded).map((pending) => pending.commandId)
        const loads = await loadAll([one], ids)
        for (const [lane, state] of loads.states) states.set(lane, state)
        for (const [id, record] of loads.records) records.set(id, record)
      } catch (error) {
        open.delete(one)
        failures.unreadable(one.lane, one.commands, error)
      }
    }
    return { states, records }
  }

  function decideAll(taken: readonly TakenLane[], { states, records }: Loads): LaneWork[] {
    const context = { now: store.now(), onFailure: core.onFailure }
    const works: LaneWork[] = []
    let room = limits.operationsMax
    for (const one of taken) {
      if (room <= 0) {
        queue.giveBack(one.lane, 0, one.commands)
        continue
      }
      const work = decideLane(one, states.get(one.lane), records, context, room)
      room -= work.operations
      works.push(work)
    }
    return works
  }

  async function commitFast(works: readonly LaneWork[]): Promise<void> {
    const batch = writeBatchOf(works)
    let xid: string | undefined
    if (batch !== undefined) {
      try {
        xid = (await store.commit(batch)).xid
      } catch (error) {
        if (error instanceof WriteConflict && (error.kind === 'exists' || error.kind === 'command'))
          betsPaused = 64
        for (const work of works) {
          if (works.length === 1) failures.failed(work, error)
          else failures.failedTogether(work, error)
        }
        return
      }
    }
    for (const work of works) settle(work, xid)
  }

  async function commitSafe(works: readonly LaneWork[]): Promise<void> {
    const writing: LaneWork[] = []
    const batches: WriteBatch[] = []
    for (const work of works) {
      const batch = writeBatchOf([work])
      if (batch === undefined) settle(work, undefined)
      else {
        writing.push(work)
        batches.push(batch)
      }
    }
    if (batches.length === 0) return
    try {
      const each = await store.commitEach(batches)
      for (let i = 0; i < writing.length; i++) {
        if (each.failures[i] === undefined) settle(writing[i]!, each.xid)
        else failures.failed(writing[i]!, each.failures[i])
      }
    } catch (error) {
      const ofContent = error instanceof WriteFailed || isUnclassified(error)
      if (ofContent && writing.length > 1) await commitAlone(writing, batches)
      else for (const work of writing) failures.failed(work, error)
    }
  }

  /** What the database refuses only at the end (a deferred constraint) no savepoint isolates: one transaction each. */
  async function commitAlone(
    works: readonly LaneWork[],
    batches: readonly WriteBatch[],
  ): Promise<void> {
    for (let i = 0; i < works.length; i++) {
      try {
        settle(works[i]!, (await store.commit(batches[i]!)).xid)
      } catch (error) {
        failures.failed(works[i]!, error)
      }
    }
  }

  function settle({ lane, decided, left }: LaneWork, xid: string | undefined): void {
    const identity = core.identity()
    const outcomes = decided.map(({ pending, decision }) =>
      outcomeOf(pending, decision, xid, identity),
    )
    for (let i = 0; i < decided.length; i++) core.answer(decided[i]!.pending, outcomes[i]!)
    passed(lane, decided.length)
    queue.giveBack(lane, decided.length, left)
  }

  return { run }
}
