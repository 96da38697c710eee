import type { App } from '../declare/app.ts'
import {
  droppedRejection,
  isRejected,
  rejecters,
  thrownRejection,
  type MadeRejection,
  type RejectionSet,
} from '../declare/command.ts'
import { isTailraceError, TailraceError } from '../errors.ts'
import {
  WriteConflict,
  WriteFailed,
  type CommandToRecord,
  type StoredRejection,
  type WriteTransaction,
} from '../ports/write-store.ts'
import { derivedId } from './command-identity.ts'
import type { CompiledTransactional } from './compiled-command.ts'
import type { Decision } from './decide-command.ts'
import {
  conflictDelayMs,
  raceError,
  contentRefused,
  lostDelayMs,
  outcomeUnknown,
  timerGone,
  type ExecutorCore,
} from './executor-core.ts'
import { Fifo } from './fifo.ts'
import { noAggregate } from './aggregate-state.ts'
import { outcomeOf } from './outcomes.ts'
import { mayBeRecorded, type PendingCommand, type Refused } from './pending-command.ts'
import { TransactionSession } from './transaction-session.ts'
import { issuedOf, removalOf } from './issued-timer.ts'

export type TransactionalPending = PendingCommand<CompiledTransactional>

/** What one run came to. */
type Attempt = { readonly decision: Decision; readonly xid: string | undefined }

/** Runs transactional commands, each in a transaction of its own, a few at a time. */
export class TransactionRunner {
  readonly #core: ExecutorCore
  readonly #app: App
  readonly #onDone: () => void
  readonly #waiting = new Fifo<TransactionalPending>()
  #running = 0

  /** `onDone` is called after each command. */
  constructor(core: ExecutorCore, app: App, onDone: () => void) {
    this.#core = core
    this.#app = app
    this.#onDone = onDone
  }

  /** Commands that wait or run. */
  get size(): number {
    return this.#running + this.#waiting.size
  }

  add(pending: TransactionalPending): void {
    this.#waiting.push(pending)
    this.#pump()
  }

  #pump(): void {
    while (this.#running < this.#core.limits.transactionsMax) {
      const pending = this.#waiting.shift()
      if (pending === undefined) return
      this.#running++
      void this.#run(pending).finally(() => {
        this.#running--
        this.#pump()
        this.#onDone()
      })
    }
  }

  async #run(pending: TransactionalPending): Promise<void> {
    for (;;) {
      try {
        const { decision, xid } = (await this.#stored(pending)) ?? (await this.#attempt(pending))
        return this.#core.answer(pending, outcomeOf(pending, decision, xid, this.#core.identity()))
      } catch (error) {
        const delayMs = this.#givenUpOrDelay(pending, error)
        if (delayMs === undefined) return
        if (delayMs > 0) await this.#core.clock.sleep(delayMs)
      }
    }
  }

  async #stored(pending: TransactionalPending): Promise<Attempt | undefined> {
    if (!mayBeRecorded(pending)) return undefined
    const record = (await this.#core.store.load([], [pending.commandId])).commands[0]
    return record === undefined
      ? undefined
      : { decision: { kind: 'stored', record }, xid: undefined }
  }

  async #attempt(pending: TransactionalPending): Promise<Attempt> {
    const { value, committed } = await this.#core.store.transaction(async (tx) => {
      const { session, result } = await this.#runHandler(pending, tx)
      if (isRejected(result))
        return {
          commit: undefined,
          value: rejected({ code: result.code, kind: result.kind, detail: result.detail }),
        }
      if (session.events.length === 0) throw new HandlerError(emittedNothing(pending))
      const { events, slots, timers } = session
      const version = session.version(pending.id)
      const commit = {
        rows: [],
        guards: [],
        events,
        timers: [...removalOf(pending), ...timers],
        issued: issuedOf(pending),
        commands: [recordOf(pending, version, slots, undefined)],
      }
      const decision: Decision = {
        kind: 'emitted',
        state: noAggregate,
        version,
        events,
        slots,
        timers,
        operations: 0,
      }
      return { commit, value: decision }
    })
    if (value.kind !== 'rejected') return { decision: value, xid: committed!.xid }
    // The rejection is recorded after the roll-back, so that its key is answered the same for ever.
    const record = recordOf(pending, 0, [], value.rejection)
    return {
      decision: value,
      xid: (
        await this.#core.store.commit({
          rows: [],
          guards: [],
          events: [],
          timers: removalOf(pending),
          issued: issuedOf(pending),
          commands: [record],
        })
      ).xid,
    }
  }

  /** A handler that does not end in time has failed: nothing more of it gets into the transaction. */
  #runHandler(
    pending: TransactionalPending,
    tx: WriteTransaction,
  ): Promise<{ session: TransactionSession; result: unknown }> {
    const { clock, limits } = this.#core
    const session = new TransactionSession(this.#app, pending.command.def.name, pending, tx)
    const ended = new AbortController()
    let timedOut = false
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        ended.abort('ended')
        if (!timedOut) settle()
      }
      // oxlint-disable-next-line prefer-promise-reject-errors -- What was thrown is passed on as it is.
      const failed = (error: unknown): void => end(() => reject(error))
      void this.#handle(
        pending,
        session,
        (result) => end(() => resolve({ session, result })),
        failed,
      )
      if (limits.transactionMs > longestTimerMs) return
      void clock.sleep(limits.transactionMs, ended.signal).then(async () => {
        if (ended.signal.aborted) return
        timedOut = true
        await session.abandon()
        reject(new HandlerError(tookTooLong(pending, limits.transactionMs)))
      })
    })
  }

  /** Never rejects. Callbacks, because a promise more would be a turn more for every command. */
  async #handle(
    pending: TransactionalPending,
    session: TransactionSession,
    done: (result: unknown) => void,
    failed: (error: unknown) => void,
  ): Promise<void> {
    const { command, commandId, input, actor } = pending
    const made: MadeRejection = { last: undefined }
    try {
      const result: unknown = await command.def.run({
        actor,
        now: this.#core.store.now(),
        commandId,
        newId: (n: number) => derivedId(commandId, n),
        input,
        reject: rejecters(command.def.rejections as RejectionSet, made),
        tx: { query: session.query },
        load: session.load.bind(session),
        emit: session.emit.bind(session),
      } as never)
      if (made.last !== undefined && !isRejected(result))
        throw droppedRejection(command.def.name, made.last)
      await session.end()
      done(result)
    } catch (error) {
      const told = isRejected(error) ? thrownRejection(command.def.name, error) : error
      failed(isOfStore(told) ? told : new HandlerError(told))
    }
  }

  /** Undefined: the command was answered. Else how long to wait before the next run. */
  #givenUpOrDelay(pending: TransactionalPending, error: unknown): number | undefined {
    const uncertain = pending.uncertainSince !== undefined
    if (error instanceof WriteFailed && error.timerGone && !uncertain) {
      this.#core.answer(pending, timerGone(pending))
      return undefined
    }
    if (error instanceof HandlerError || (error instanceof WriteFailed && !uncertain)) {
      this.#core.onFailure(error instanceof HandlerError ? error.cause : error, pending)
      this.#core.answer(
        pending,
        error instanceof WriteFailed
          ? contentRefused(pending, 'refused')
          : handlerFailed(pending, error.cause),
      )
      return undefined
    }
    if (error instanceof WriteConflict) {
      if (++pending.conflicts < this.#core.limits.conflictsMax)
        return conflictDelayMs(this.#core.clock, pending.conflicts)
      this.#core.fail(pending, raceError(pending, error))
      return undefined
    }
    if (isTailraceError(error) && error.code === 'UNAVAILABLE' && !uncertain) {
      this.#core.fail(pending, error)
      return undefined
    }
    const now = this.#core.clock.monotonic()
    pending.uncertainSince ??= now
    if (now - pending.uncertainSince < this.#core.limits.uncertainMs)
      return lostDelayMs(this.#core, pending.uncertainSince)
    this.#core.fail(pending, outcomeUnknown(pending, error))
    return undefined
  }
}

/** A timer of the machine that is set for longer rings at once. */
const longestTimerMs = 2 ** 31 - 1

/** Carries what a handler threw through the store, apart from what the store itself throws. */
class HandlerError extends Error {
  constructor(cause: unknown) {
    super('the handler of a transactional command threw', { cause })
  }
}

function isOfStore(error: unknown): boolean {
  return (
    error instanceof WriteConflict ||
    error instanceof WriteFailed ||
    (isTailraceError(error) &&
      (error.code === 'UNAVAILABLE' || error.code === 'COMMAND_OUTCOME_UNKNOWN'))
  )
}

function rejected(rejection: StoredRejection): Decision {
  return { kind: 'rejected', rejection, version: 0 }
}

function recordOf(
  pending: TransactionalPending,
  version: number,
  slots: readonly number[],
  rejection: StoredRejection | undefined,
): CommandToRecord {
  const { commandId, fingerprint, id } = pending
  return {
    commandId,
    name: pending.command.def.name,
    fingerprint,
    state: rejection === undefined ? 'committed' : 'rejected',
    aggregateId: id,
    version,
    rejection,
    slots,
  }
}

function emittedNothing(pending: TransactionalPending): TailraceError {
  return new TailraceError(
    'COMMAND_EMITTED_NOTHING',
    `expected "${pending.command.def.name}" to emit an event or to return a rejection, got neither; call emit`,
  )
}

function tookTooLong(pending: TransactionalPending, ms: number): TailraceError {
  return new TailraceError(
    'COMMAND_TIMED_OUT',
    `expected "${pending.command.def.name}" to end within ${ms} ms, got no end; its transaction was rolled back: await nothing in it that may hang`,
    { details: { commandId: pending.commandId } },
  )
}

function handlerFailed(pending: TransactionalPending, cause: unknown): Refused {
  const late = isTailraceError(cause) && cause.code === 'COMMAND_TIMED_OUT'
  return {
    kind: 'refused',
    code: 'COMMAND_FAILED',
    message: `command "${pending.command.def.name}" failed: its handler ${late ? 'did not end in time' : 'threw'}; nothing was committed`,
    commandId: pending.commandId,
  }
}
