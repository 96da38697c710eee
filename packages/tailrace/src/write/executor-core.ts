import { TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { LogIdentity } from '../ports/event-log.ts'
import type { WriteStore } from '../ports/write-store.ts'
import type { CommandOutcome } from '../run/engine.ts'
import type { PendingCommand, Refused } from './pending-command.ts'

/** Bounds of an executor. */
export interface ExecutorLimits {
  /** Commands in one batch. Default: 200. */
  readonly batchMax: number
  /** Row operations after which a batch takes no further command. Default: 5,000. */
  readonly operationsMax: number
  /** Batches at the same time. Default: 2: one decides while the other commits. */
  readonly batchesMax: number
  /** Transactional commands at the same time. Default: 4. */
  readonly transactionsMax: number
  /**
   * How long the function of a transactional command may run: it holds a connection and locks for that time. Then its
   * transaction is rolled back, and the command has failed. `Infinity`: no limit. Default: 30,000.
   */
  readonly transactionMs: number
  /** Commands that wait or run; above it `COMMAND_TOO_BUSY`. Default: 10,000. */
  readonly queueMax: number
  /** Races that one command may lose before `CONTENTION`. Default: 16. */
  readonly conflictsMax: number
  /** How long the outcome of a lost commit is looked for before `COMMAND_OUTCOME_UNKNOWN`. Default: 10,000. */
  readonly uncertainMs: number
}

export const defaultLimits: ExecutorLimits = {
  batchMax: 200,
  operationsMax: 5_000,
  batchesMax: 2,
  transactionsMax: 4,
  transactionMs: 30_000,
  queueMax: 10_000,
  conflictsMax: 16,
  uncertainMs: 10_000,
}

/** What the parts of an executor share. */
export interface ExecutorCore {
  readonly store: WriteStore
  readonly clock: Clock
  readonly limits: ExecutorLimits
  readonly identity: () => LogIdentity
  /** Hears of handlers that threw and of contents that the database refused. */
  readonly onFailure: (error: unknown, pending: PendingCommand) => void
  /** Answers a command. */
  readonly answer: (pending: PendingCommand, outcome: CommandOutcome) => void
  /** Ends a command with an error of ours. */
  readonly fail: (pending: PendingCommand, error: unknown) => void
}

/** How long to wait before the next try after losing `conflicts` races: nothing at first, then random up to 50 ms. */
export function conflictDelayMs(clock: Clock, conflicts: number): number {
  return conflicts <= 1 ? 0 : clock.random() * Math.min(50, 2 ** conflicts)
}

/** How long to wait before looking for a lost outcome again: random, growing with the time that it is already lost. */
export function lostDelayMs(core: ExecutorCore, since: number): number {
  const lostForMs = core.clock.monotonic() - since
  return (0.5 + core.clock.random() / 2) * Math.min(1_000, 20 + lostForMs / 2)
}

/** The error of a command that lost too many races. After a lost commit, the race may be with itself. */
export function raceError(pending: PendingCommand, cause: unknown): TailraceError {
  if (pending.uncertainSince !== undefined) return outcomeUnknown(pending, cause)
  const { name } = pending.command.def
  return new TailraceError(
    'CONTENTION',
    `expected "${name}" on "${pending.id}" to win the race for its aggregate, got ${pending.conflicts} lost ones; retry with the same key`,
    { retryable: true, cause, details: { commandId: pending.commandId } },
  )
}

export function outcomeUnknown(pending: PendingCommand, cause: unknown): TailraceError {
  const name = pending.command.def.name
  return new TailraceError(
    'COMMAND_OUTCOME_UNKNOWN',
    `expected an answer to the commit of "${name}", got none in time; ask for the status of command ${pending.commandId}, or retry with the same key`,
    {
      retryable: true,
      cause,
      details: { commandId: pending.commandId },
    },
  )
}

/** The answer to a command whose timer was cancelled, set anew, or lost with a database that went back in time. */
export function timerGone({ commandId, timer }: PendingCommand): Refused {
  return {
    kind: 'refused',
    code: 'TIMER_GONE',
    message: `expected the timer "${timer!.schedule}" of "${timer!.stream}" to be set, got it cancelled or set anew; nothing was committed`,
    commandId,
  }
}

/** Refuses a command whose rows the database does not take, or does not give. */
export function contentRefused(pending: PendingCommand, what: 'refused' | 'unreadable'): Refused {
  const why =
    what === 'refused'
      ? 'the database refused its rows'
      : 'the rows of its aggregate cannot be read'
  return {
    kind: 'refused',
    code: 'COMMAND_FAILED',
    message: `command "${pending.command.def.name}" failed: ${why}; nothing was committed`,
    commandId: pending.commandId,
  }
}
