import type { App } from '../declare/app.ts'
import { TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { LogIdentity } from '../ports/event-log.ts'
import type { CommandRecord, WriteStore } from '../ports/write-store.ts'
import type { CommandOptions, CommandOutcome } from '../run/engine.ts'
import { batchRunner } from './batch-runner.ts'
import { compileCommands } from './compiled-command.ts'
import { defaultLimits, type ExecutorCore, type ExecutorLimits } from './executor-core.ts'
import { followRun } from './follow-run.ts'
import { LaneQueue, type PlainPending } from './lane-queue.ts'
import { keyReused } from './outcomes.ts'
import type { PendingCommand } from './pending-command.ts'
import { receiver } from './receive-command.ts'
import { transactionRunner, type TransactionalPending } from './transaction-runner.ts'

export interface ExecutorOptions extends Partial<ExecutorLimits> {
  /** Hears of handlers that threw and of contents that the database refused; the caller is answered COMMAND_FAILED. */
  readonly onFailure?: (error: unknown, command: FailedCommand) => void
}

export interface FailedCommand {
  readonly commandId: string
  readonly name: string
  readonly aggregateId: string
}

/** What is known of a command: its record, or that it runs or failed on this process. */
export type KnownCommand =
  | CommandRecord
  | (FailedCommand & { readonly state: 'accepted' | 'failed' })

/** Runs commands: everything of `Engine.command`. */
export interface Executor {
  /** As `Engine.command`. */
  submit(name: string, input: unknown, options?: CommandOptions): Promise<CommandOutcome>
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

const failedKept = 1_000

/** Makes the executor of an app on a write store. */
export function createExecutor({
  app,
  store,
  clock,
  identity,
  options = {},
}: ExecutorSetup): Executor {
  const limits: ExecutorLimits = { ...defaultLimits, ...options }
  const receive = receiver(compileCommands(app), clock, (error, name) =>
    options.onFailure?.(error, { name, commandId: '', aggregateId: '' }),
  )
  const running = new Map<string, PendingCommand>()
  const failed = new Map<string, FailedCommand>()
  const queue = new LaneQueue()
  let batches = 0
  let safeBatch = false
  let pumping = false
  let closed: Promise<void> | undefined
  let onIdle: (() => void) | undefined

  const core: ExecutorCore = {
    store,
    clock,
    limits,
    identity,
    onFailure: (error, pending) => options.onFailure?.(error, describe(pending)),
    answer(pending, outcome) {
      running.delete(pending.commandId)
      if (outcome.kind === 'refused' && outcome.code === 'COMMAND_FAILED') keepFailed(pending)
      pending.resolve(outcome)
      if (pending.followers !== undefined)
        for (const follower of pending.followers) follower.resolve(outcome)
    },
    fail(pending, error) {
      running.delete(pending.commandId)
      pending.reject(error)
      if (pending.followers !== undefined)
        for (const follower of pending.followers) follower.reject(error)
    },
  }
  const runner = batchRunner(core, queue)
  const transactions = transactionRunner(core, app, checkIdle)

  function keepFailed(pending: PendingCommand): void {
    failed.set(pending.commandId, describe(pending))
    if (failed.size > failedKept) failed.delete(failed.keys().next().value!)
  }

  /** Once per turn of the event loop, so that commands of one turn share a batch. */
  function schedulePump(): void {
    if (pumping || batches === limits.batchesMax) return
    pumping = true
    queueMicrotask(pump)
  }

  function pump(): void {
    pumping = false
    while (batches < limits.batchesMax) {
      if (!safeBatch && queue.careful > 0) startBatch('safe')
      else if (queue.ready > 0) startBatch('fast')
      else break
    }
    checkIdle()
  }

  /** One batch at most is of the safe form: what goes wrong for some must not hold up all. */
  function startBatch(form: 'fast' | 'safe'): void {
    batches++
    if (form === 'safe') safeBatch = true
    const taken = queue.take(form === 'safe' ? 'careful' : 'ready', limits.batchMax)
    void runner.run(taken, form).then(() => {
      batches--
      if (form === 'safe') safeBatch = false
      pump()
    })
  }

  function checkIdle(): void {
    if (onIdle !== undefined && batches === 0 && queue.size === 0 && transactions.size === 0)
      onIdle()
  }

  function start(pending: PendingCommand, submitOptions: CommandOptions): Promise<CommandOutcome> {
    const earlier = pending.fingerprint === '' ? undefined : running.get(pending.commandId)
    if (earlier !== undefined) return repeat(earlier, pending, submitOptions)
    if (queue.size + transactions.size >= limits.queueMax)
      return Promise.reject(tooBusy(limits.queueMax))
    return new Promise((resolve, reject) => {
      pending.resolve = resolve
      pending.reject = reject
      running.set(pending.commandId, pending)
      if (pending.command.kind === 'transactional')
        return transactions.add(pending as TransactionalPending)
      queue.add(pending as PlainPending)
      schedulePump()
    })
  }

  async function repeat(
    earlier: PendingCommand,
    received: PendingCommand,
    submitOptions: CommandOptions,
  ): Promise<CommandOutcome> {
    if (earlier.fingerprint !== received.fingerprint) return keyReused(received.commandId)
    const outcome = await followRun(earlier, submitOptions.waitMs ?? 5_000, clock)
    // A refusal was not recorded; with another If-Match the answer may be another.
    const another =
      outcome.kind === 'refused' &&
      outcome.code !== 'COMMAND_IN_PROGRESS' &&
      earlier.expectedVersion !== received.expectedVersion
    return another ? start(received, submitOptions) : outcome
  }

  return {
    submit(name, input, submitOptions = {}) {
      if (closed !== undefined) return Promise.reject(stopping())
      const received = receive(name, input, submitOptions)
      if (received instanceof Promise)
        return received.then((late) => ('kind' in late ? late : start(late, submitOptions)))
      return 'kind' in received ? Promise.resolve(received) : start(received, submitOptions)
    },
    async status(commandId) {
      const record = (await store.load([], [commandId])).commands[0]
      if (record !== undefined) return record
      const pending = running.get(commandId)
      if (pending !== undefined) return { ...describe(pending), state: 'accepted' }
      const known = failed.get(commandId)
      return known === undefined ? undefined : { ...known, state: 'failed' }
    },
    close() {
      closed ??= new Promise((resolve) => {
        onIdle = resolve
        checkIdle()
      })
      return closed
    },
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
