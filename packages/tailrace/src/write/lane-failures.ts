import { isTailraceError } from '../errors.ts'
import { WriteConflict, WriteFailed } from '../ports/write-store.ts'
import type { LaneWork } from './decide-lane.ts'
import {
  conflictDelayMs,
  raceError,
  contentRefused,
  lostDelayMs,
  outcomeUnknown,
  timerGone,
  type ExecutorCore,
} from './executor-core.ts'
import type { Lane, LaneQueue, PlainPending } from './lane-queue.ts'

/** What becomes of an aggregate's commands when their write failed: again in the safe form, refused, or ended with an error. */
export class LaneFailures {
  readonly #core: ExecutorCore
  readonly #queue: LaneQueue

  constructor(core: ExecutorCore, queue: LaneQueue) {
    this.#core = core
    this.#queue = queue
  }

  /** The write of this aggregate alone failed. */
  failed(work: LaneWork, error: unknown): void {
    const commands = work.decided.map(({ pending }) => pending)
    if (error instanceof WriteConflict) this.#raceLost(work.lane, commands, work.left, error)
    else if (error instanceof WriteFailed)
      this.#contentFailed(work.lane, commands, work.left, error)
    else if (isUnavailable(error)) this.unavailable(work.lane, [...commands, ...work.left], error)
    else {
      for (const { pending, decision } of work.decided) {
        pending.lostRefusal = decision.kind === 'refused' ? decision.outcome : undefined
      }
      this.lost(work.lane, commands, work.left, error)
    }
  }

  /** The write of several aggregates failed: which one is to blame is not known. */
  failedTogether(work: LaneWork, error: unknown): void {
    if (!(error instanceof WriteConflict) && !(error instanceof WriteFailed))
      return this.failed(work, error)
    work.lane.careful = true
    this.#queue.giveBack(work.lane, 0, [
      ...work.decided.map(({ pending }) => pending),
      ...work.left,
    ])
  }

  #raceLost(
    lane: Lane,
    commands: readonly PlainPending[],
    left: readonly PlainPending[],
    error: unknown,
  ): void {
    const again: PlainPending[] = []
    let most = 0
    for (const pending of commands) {
      most = Math.max(most, ++pending.conflicts)
      if (pending.conflicts >= this.#core.limits.conflictsMax)
        this.#core.fail(pending, raceError(pending, error))
      else again.push(pending)
    }
    lane.careful = true
    lane.delayMs = conflictDelayMs(this.#core.clock, most)
    this.#queue.giveBack(lane, commands.length - again.length, [...again, ...left])
  }

  /** Halves down to the one command that the database refuses. */
  #contentFailed(
    lane: Lane,
    commands: readonly PlainPending[],
    left: readonly PlainPending[],
    error: WriteFailed,
  ): void {
    if (commands.length > 1) {
      suspect(lane, commands.length)
      this.#queue.giveBack(lane, 0, [...commands, ...left])
      return
    }
    // What the database refuses may be the repetition of what the lost commit has written: only a record can tell.
    if (commands.some((pending) => pending.uncertainSince !== undefined)) {
      return this.lost(lane, commands, left, error)
    }
    for (const pending of commands) {
      if (error.timerGone) this.#core.answer(pending, timerGone(pending))
      else {
        this.#core.onFailure(error, pending)
        this.#core.answer(pending, contentRefused(pending, 'refused'))
      }
    }
    passed(lane, 1)
    // There may be a second one: all that is left of the suspects is tried at once.
    if (lane.suspects > 0) lane.takeMax = lane.suspects
    this.#queue.giveBack(lane, commands.length, left)
  }

  /** The database does not answer; nothing was written. */
  unavailable(lane: Lane, commands: readonly PlainPending[], error: unknown): void {
    const uncertain = commands.filter((pending) => pending.uncertainSince !== undefined)
    for (const pending of commands)
      if (pending.uncertainSince === undefined) this.#core.fail(pending, error)
    this.#queue.size -= commands.length - uncertain.length
    this.lost(lane, uncertain, [], error)
  }

  /** The rows of the aggregate cannot be read. */
  unreadable(lane: Lane, commands: readonly PlainPending[], error: unknown): void {
    if (isUnavailable(error)) return this.unavailable(lane, commands, error)
    const uncertain = commands.filter((pending) => pending.uncertainSince !== undefined)
    for (const pending of commands) {
      if (pending.uncertainSince !== undefined) continue
      this.#core.onFailure(error, pending)
      this.#core.answer(pending, contentRefused(pending, 'unreadable'))
    }
    this.#queue.size -= commands.length - uncertain.length
    this.lost(lane, uncertain, [], error)
  }

  /** `commands` may have been committed; `left` were not in it. */
  lost(
    lane: Lane,
    commands: readonly PlainPending[],
    left: readonly PlainPending[],
    error: unknown,
  ): void {
    const now = this.#core.clock.monotonic()
    const again: PlainPending[] = []
    let since = now
    for (const pending of commands) {
      pending.uncertainSince ??= now
      since = Math.min(since, pending.uncertainSince)
      if (now - pending.uncertainSince >= this.#core.limits.uncertainMs)
        this.#core.fail(pending, outcomeUnknown(pending, error))
      else again.push(pending)
    }
    lane.careful = true
    lane.delayMs = lostDelayMs(this.#core, since)
    // An error that no adapter should throw may be caused by one command: it must not take the others with it.
    if (isUnclassified(error) && commands.length > 1) suspect(lane, commands.length)
    this.#queue.giveBack(lane, commands.length - again.length, [...again, ...left])
  }
}

/** One of the first `count` commands is to blame: halves them. */
function suspect(lane: Lane, count: number): void {
  lane.careful = true
  lane.suspects = count
  lane.takeMax = Math.ceil(count / 2)
}

/** The first `count` commands of an aggregate went through. */
export function passed(lane: Lane, count: number): void {
  lane.delayMs = 0
  lane.suspects = Math.max(0, lane.suspects - count)
  lane.careful = lane.suspects > 0
  lane.takeMax = lane.suspects > 0 ? Math.ceil(lane.suspects / 2) : Infinity
}

/** Whether an error is none that a write store may throw. */
export function isUnclassified(error: unknown): boolean {
  return (
    !isTailraceError(error) && !(error instanceof WriteConflict) && !(error instanceof WriteFailed)
  )
}

function isUnavailable(error: unknown): boolean {
  return isTailraceError(error) && error.code === 'UNAVAILABLE'
}
