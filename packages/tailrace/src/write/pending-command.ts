import type { Actor } from '../declare/actor.ts'
import type { CommandOptions, CommandOutcome } from '../run/engine.ts'
import type { IssuedTimer } from '../ports/timers.ts'
import type { CompiledCommand } from './compiled-command.ts'
import type { ExpectedVersion } from './expected-version.ts'

/** A validated command on its way, until it is answered. */
export interface PendingCommand<C extends CompiledCommand = CompiledCommand> {
  readonly command: C
  readonly commandId: string
  /** Empty without an idempotency key: then nobody can present this command id again. */
  readonly fingerprint: string
  readonly input: unknown
  /** The aggregate's id. */
  readonly id: string
  readonly actor: Actor | undefined
  readonly expectedVersion: ExpectedVersion | undefined
  readonly causationId: string | undefined
  readonly traceparent: string | undefined
  /** The timer that issued it: the command has an effect only while that is set, and its commit removes it. */
  readonly timer: IssuedTimer | undefined
  /** Set when it is started. */
  resolve: (outcome: CommandOutcome) => void
  reject: (error: unknown) => void
  /** Repetitions of the same key that wait for this run. */
  followers: Follower[] | undefined
  /** The next command of the same aggregate. */
  next: PendingCommand | undefined
  /** Races lost so far. */
  conflicts: number
  /** When a commit that held it was first lost without an answer, in monotonic milliseconds. */
  uncertainSince: number | undefined
  /** How it was refused in the batch of that commit: its answer, should the commit turn out to have happened. */
  lostRefusal: Refused | undefined
}

/** A call of the engine's own roles. */
export interface CallOptions extends CommandOptions {
  readonly timer?: IssuedTimer | undefined
}

export type Refused = Extract<CommandOutcome, { kind: 'refused' }>

export interface Follower {
  readonly resolve: (outcome: CommandOutcome) => void
  readonly reject: (error: unknown) => void
}

/** Whether a record may exist under its command id. */
export function mayBeRecorded(pending: PendingCommand): boolean {
  return pending.fingerprint !== '' || pending.uncertainSince !== undefined
}

/** A command that was understood and may be started. */
export function newPending<C extends CompiledCommand>(
  command: C,
  commandId: string,
  fingerprint: string,
  input: unknown,
  id: string,
  { actor, expectedVersion, causationId, traceparent, timer }: CallOptions,
): PendingCommand<C> {
  return {
    command,
    commandId,
    fingerprint,
    input,
    id,
    actor,
    expectedVersion,
    causationId,
    traceparent,
    timer,
    resolve: notStarted,
    reject: notStarted,
    followers: undefined,
    next: undefined,
    conflicts: 0,
    uncertainSince: undefined,
    lostRefusal: undefined,
  }
}

function notStarted(): void {}
