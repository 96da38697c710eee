import type { App } from '../declare/app.ts'
import { TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { LogIdentity } from '../ports/event-log.ts'
import type { CommandRecord, WriteStore } from '../ports/write-store.ts'
import type { CommandOutcome } from '../run/engine.ts'
import { BatchPump } from './batch-pump.ts'
import { compileCommands } from './compiled-command.ts'
import { defaultLimits, type ExecutorCore, type ExecutorLimits } from './executor-core.ts'
import { followRun } from './follow-run.ts'
import type { PlainPending } from './lane-queue.ts'
import { keyReused } from './outcomes.ts'
import type { CallOptions, PendingCommand } from './pending-command.ts'
import { receiver, type Receive } from './receive-command.ts'
import { TransactionRunner, type TransactionalPending } from './transaction-runner.ts'

export interface ExecutorOptions extends Partial<ExecutorLimits> {
  /**
   * Hears of handlers that threw and of contents that the database refused; the caller is answered COMMAND_FAILED. Ids are
   * empty where a schema, target or policy threw before there were any.
   */
  readonly onFailure?: (error: unknown, command: FailedCommand) => void
}

export interface FailedCommand {
  readonly commandId: string
  readonly name: string
  readonly aggregateId: string
  /** As it came with the call. */
  readonly traceparent?: string | undefined
}

/** What is known of a command: its record, or that it runs or failed on this process. */
export type KnownCommand =
  | CommandRecord
  | (FailedCommand & { readonly state: 'accepted' | 'failed' })

/** Runs commands: everything of `Engine.command`. */
export interface Executor {
  /** As `Engine.command`; with `timer`, refused as `TIMER_GONE` when that is not set any more. */
  submit(name: string, input: unknown, options?: CallOptions): Promise<CommandOutcome>
  /** The stored state of a command; undefined when nothing is known of the id. Throws `UNAVAILABLE`. */
  status(commandId: string): Promise<KnownCommand | undefined>
  /** Takes no more commands; resolves when those taken are answered. May be called twice. */
  close(): Promise<void>
}

export interface ExecutorSetup {
  readonly app: App
  readonly store: WriteStore
  readonly clock: Clock
  /** The log that tokens name. Asked for at each commit, because a failover changes it. */
  readonly identity: () => LogIdentity
  readonly options?: ExecutorOptions
}

/** How many failed commands are remembered for their status. */
const failedKept = 1_000

/** Makes the executor of an app on a write store. */
export function createExecutor(setup: ExecutorSetup): Executor {
  return new CommandExecutor(setup)
}

class CommandExecutor implements Executor {
  readonly #core: ExecutorCore
  readonly #receive: Receive
  readonly #batches: BatchPump
  readonly #transactions: TransactionRunner
  readonly #running = new Map<string, PendingCommand>()
  readonly #failed = new Map<string, FailedCommand>()
  #following = 0
  #closed: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  constructor({ app, store, clock, identity, options = {} }: ExecutorSetup) {
    const { onFailure, ...limits } = options
    this.#core = {
      store,
      clock,
      identity,
      limits: { ...defaultLimits, ...limits },
      onFailure: (error, pending) =>
        onFailure?.(error, { ...describe(pending), traceparent: pending.traceparent }),
      answer: (pending, outcome) => this.#answer(pending, outcome),
      fail: (pending, error) => this.#fail(pending, error),
    }
    const onThrow = (error: unknown, name: string, { traceparent }: CallOptions): void =>
      onFailure?.(error, { name, commandId: '', aggregateId: '', traceparent })
    this.#receive = receiver(compileCommands(app), clock, onThrow)
    this.#batches = new BatchPump(this.#core, () => this.#checkIdle())
    this.#transactions = new TransactionRunner(this.#core, app, () => this.#checkIdle())
  }

  submit(name: string, input: unknown, options: CallOptions = {}): Promise<CommandOutcome> {
    if (this.#closed !== undefined) return Promise.reject(stopping())
    const received = this.#receive(name, input, options)
    if (received instanceof Promise)
      return received.then((late) => ('kind' in late ? late : this.#start(late, options)))
    return 'kind' in received ? Promise.resolve(received) : this.#start(received, options)
  }

  async status(commandId: string): Promise<KnownCommand | undefined> {
    const pending = this.#running.get(commandId)
    if (pending !== undefined) return { ...describe(pending), state: 'accepted' }
    const record = (await this.#core.store.load([], [commandId])).commands[0]
    if (record !== undefined) return record
    const failed = this.#failed.get(commandId)
    return failed === undefined ? undefined : { ...failed, state: 'failed' }
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#onIdle = resolve
      this.#checkIdle()
    })
    return this.#closed
  }

  /** `again`: it has followed an earlier run, which was refused; whatever runs now began after its call. */
  #start(pending: PendingCommand, options: CallOptions, again = false): Promise<CommandOutcome> {
    const { queueMax } = this.#core.limits
    if (this.#batches.size + this.#transactions.size + this.#following >= queueMax)
      return Promise.reject(tooBusy(queueMax))
    const earlier = pending.fingerprint === '' ? undefined : this.#running.get(pending.commandId)
    if (earlier !== undefined) return this.#repeat(earlier, pending, options, again)
    return new Promise((resolve, reject) => {
      pending.resolve = resolve
      pending.reject = reject
      this.#running.set(pending.commandId, pending)
      if (pending.command.kind === 'plain') this.#batches.add(pending as PlainPending)
      else this.#transactions.add(pending as TransactionalPending)
    })
  }

  async #repeat(
    earlier: PendingCommand,
    pending: PendingCommand,
    options: CallOptions,
    again: boolean,
  ): Promise<CommandOutcome> {
    if (earlier.fingerprint !== pending.fingerprint) return keyReused(pending.commandId)
    this.#following++
    const outcome = await followRun(earlier, options.waitMs ?? 5_000, this.#core.clock).finally(
      () => this.#following--,
    )
    const refused = outcome.kind === 'refused' && outcome.code !== 'COMMAND_IN_PROGRESS'
    if (!refused) return outcome
    // A refusal was not recorded. That of a run which began before this call may be older than what its caller knows, such
    // as the answer of another process to the same key; and with another If-Match the answer may be another.
    const stands = again && earlier.expectedVersion === pending.expectedVersion
    if (stands) return outcome
    if (this.#closed !== undefined) throw stopping()
    return this.#start(pending, options, true)
  }

  #answer(pending: PendingCommand, outcome: CommandOutcome): void {
    this.#running.delete(pending.commandId)
    if (outcome.kind === 'refused' && outcome.code === 'COMMAND_FAILED') {
      this.#failed.set(pending.commandId, describe(pending))
      if (this.#failed.size > failedKept) this.#failed.delete(this.#failed.keys().next().value!)
    }
    pending.resolve(outcome)
    if (pending.followers !== undefined)
      for (const follower of pending.followers) follower.resolve(outcome)
  }

  #fail(pending: PendingCommand, error: unknown): void {
    this.#running.delete(pending.commandId)
    pending.reject(error)
    if (pending.followers !== undefined)
      for (const follower of pending.followers) follower.reject(error)
  }

  #checkIdle(): void {
    if (this.#batches.size === 0 && this.#transactions.size === 0) this.#onIdle?.()
  }
}

function describe(pending: PendingCommand): FailedCommand {
  return { commandId: pending.commandId, name: pending.command.def.name, aggregateId: pending.id }
}

function tooBusy(max: number): TailraceError {
  return new TailraceError(
    'COMMAND_TOO_BUSY',
    `expected fewer than ${max} waiting commands, got ${max}; retry later with the same key`,
    { retryable: true },
  )
}

function stopping(): TailraceError {
  return new TailraceError(
    'UNAVAILABLE',
    'expected a running process, got one that is stopping; send the command to another',
    { retryable: true },
  )
}
