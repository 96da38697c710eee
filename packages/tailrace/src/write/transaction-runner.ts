import type { App } from '../declare/app.ts'
import { isRejected } from '../declare/command.ts'
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
  type ExecutorCore,
} from './executor-core.ts'
import { Fifo } from './fifo.ts'
import { noAggregate } from './aggregate-state.ts'
import { outcomeOf } from './outcomes.ts'
import { mayBeRecorded, type PendingCommand } from './pending-command.ts'
import { TransactionSession } from './transaction-session.ts'

export type TransactionalPending = PendingCommand<CompiledTransactional>

export interface TransactionRunner {
  /** Commands that wait or run. */
  readonly size: number
  add(pending: TransactionalPending): void
}

/** What one run came to. */
type Attempt = { readonly decision: Decision; readonly xid: string | undefined }

/** Runs transactional commands, each in a transaction of its own, a few at a time. `onDone` is called after each. */
export function transactionRunner(
  core: ExecutorCore,
  app: App,
  onDone: () => void,
): TransactionRunner {
  const { store, clock, limits } = core
  const waiting = new Fifo<TransactionalPending>()
  let running = 0

  function pump(): void {
    while (running < limits.transactionsMax) {
      const pending = waiting.shift()
      if (pending === undefined) return
      running++
      void run(pending).finally(() => {
        running--
        pump()
        onDone()
      })
    }
  }

  async function run(pending: TransactionalPending): Promise<void> {
    for (;;) {
      try {
        const { decision, xid } = (await stored(pending)) ?? (await attempt(pending))
        return core.answer(pending, outcomeOf(pending, decision, xid, core.identity()))
      } catch (error) {
        const delayMs = givenUpOrDelay(pending, error)
        if (delayMs === undefined) return
        if (delayMs > 0) await clock.sleep(delayMs)
      }
    }
  }

  async function stored(pending: TransactionalPending): Promise<Attempt | undefined> {
    if (!mayBeRecorded(pending)) return undefined
    const record = (await store.load([], [pending.commandId])).commands[0]
    return record === undefined
      ? undefined
      : { decision: { kind: 'stored', record }, xid: undefined }
  }

  async function attempt(pending: TransactionalPending): Promise<Attempt> {
    const { value, committed } = await store.transaction(async (tx) => {
      const { session, result } = await runHandler(pending, tx)
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
        timers,
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
        await store.commit({ rows: [], guards: [], events: [], timers: [], commands: [record] })
      ).xid,
    }
  }

  async function runHandler(
    pending: TransactionalPending,
    tx: WriteTransaction,
  ): Promise<{ session: TransactionSession; result: unknown }> {
    const { command, commandId, input, actor } = pending
    const session = new TransactionSession(app, command.def.name, pending, tx)
    const context = {
      actor,
      now: store.now(),
      commandId,
      newId: (n: number) => derivedId(commandId, n),
    }
    const load = session.load.bind(session)
    const emit = session.emit.bind(session)
    try {
      const result: unknown = await command.def.run({
        ...context,
        input,
        reject: command.reject,
        tx: { query: session.query },
        load,
        emit,
      } as never)
      await session.end()
      return { session, result }
    } catch (error) {
      throw isOfStore(error) ? error : new HandlerError(error)
    }
  }

  /** Undefined: the command was answered. Else how long to wait before the next run. */
  function givenUpOrDelay(pending: TransactionalPending, error: unknown): number | undefined {
    const uncertain = pending.uncertainSince !== undefined
    if (error instanceof HandlerError || (error instanceof WriteFailed && !uncertain)) {
      core.onFailure(error instanceof HandlerError ? error.cause : error, pending)
      core.answer(
        pending,
        error instanceof WriteFailed ? contentRefused(pending, 'refused') : handlerFailed(pending),
      )
      return undefined
    }
    if (error instanceof WriteConflict) {
      if (++pending.conflicts < limits.conflictsMax)
        return conflictDelayMs(clock, pending.conflicts)
      core.fail(pending, raceError(pending, error))
      return undefined
    }
    if (isTailraceError(error) && error.code === 'UNAVAILABLE' && !uncertain) {
      core.fail(pending, error)
      return undefined
    }
    const now = clock.monotonic()
    pending.uncertainSince ??= now
    if (now - pending.uncertainSince < limits.uncertainMs)
      return lostDelayMs(core, pending.uncertainSince)
    core.fail(pending, outcomeUnknown(pending, error))
    return undefined
  }

  return {
    get size() {
      return running + waiting.size
    },
    add(pending) {
      waiting.push(pending)
      pump()
    },
  }
}

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

function handlerFailed(pending: TransactionalPending): {
  kind: 'refused'
  code: 'COMMAND_FAILED'
  message: string
  commandId: string
} {
  return {
    kind: 'refused',
    code: 'COMMAND_FAILED',
    message: `command "${pending.command.def.name}" failed: its handler threw; nothing was committed`,
    commandId: pending.commandId,
  }
}
