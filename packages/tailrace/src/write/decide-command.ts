import { judge, reasonOf } from '../declare/actor.ts'
import { droppedRejection, isRejected, thrownRejection } from '../declare/command.ts'
import type { CommandRecord, StoredRejection } from '../ports/write-store.ts'
import { presented, type AggregateState } from './aggregate-state.ts'
import { derivedId } from './command-identity.ts'
import { emitEvents, eventsOf, type Emitted } from './emit-events.ts'
import { expectedText, isExpected } from './expected-version.ts'
import type { PlainPending } from './lane-queue.ts'
import type { Refused } from './pending-command.ts'

/** What became of a command in memory; true once its batch is committed. */
export type Decision =
  | ({ readonly kind: 'emitted' } & Emitted)
  /** `version`: of the aggregate that it was judged by. Recorded. */
  | { readonly kind: 'rejected'; readonly rejection: StoredRejection; readonly version: number }
  | { readonly kind: 'refused'; readonly outcome: Refused }
  /** An earlier run has its record. */
  | { readonly kind: 'stored'; readonly record: CommandRecord }

export interface DecideContext {
  readonly now: string
  /** Hears of handlers that threw, for logs. */
  readonly onFailure: (error: unknown, pending: PlainPending) => void
}

/** Judges and decides one command against the state of its aggregate. Never throws: what goes wrong concerns this command only. */
export function decideCommand(
  pending: PlainPending,
  state: AggregateState,
  context: DecideContext,
): Decision {
  try {
    return judged(pending, state) ?? decided(pending, state, context.now)
  } catch (error) {
    context.onFailure(
      isRejected(error) ? thrownRejection(pending.command.def.name, error) : error,
      pending,
    )
    const message = `command "${pending.command.def.name}" failed: its handler threw, or its events do not fit the rows; nothing was committed`
    return refused({ code: 'COMMAND_FAILED', message, commandId: pending.commandId })
  }
}

function refused(outcome: Omit<Refused, 'kind'>): Decision {
  return { kind: 'refused', outcome: { kind: 'refused', ...outcome } }
}

function judged(
  { command, input, actor, id, expectedVersion, commandId }: PlainPending,
  state: AggregateState,
): Decision | undefined {
  const { def, exists } = command
  if (def.on === 'existing' && state.rows === undefined) {
    return refused({
      code: 'NOT_FOUND',
      message: `expected ${def.aggregate.name} "${id}" to exist, got none`,
      commandId,
    })
  }
  // Plain policies were judged when the command came in.
  if (typeof def.may === 'function') {
    const args = () => ({
      input,
      rows: def.on === 'new' ? undefined : presented(def.aggregate, state.rows),
    })
    const verdict = judge(def.may, actor, args, def)
    if (verdict !== 'allowed') {
      return refused({
        code: verdict === 'not-authenticated' ? 'NOT_AUTHENTICATED' : 'NOT_ALLOWED',
        message: `the actor may not send "${def.name}" to ${def.aggregate.name} "${id}"${reasonOf(verdict)}`,
        commandId,
      })
    }
  }
  if (expectedVersion !== undefined && !isExpected(expectedVersion, state.version)) {
    return refused({
      code: 'VERSION_CONFLICT',
      message: `expected ${def.aggregate.name} "${id}" at ${expectedText(expectedVersion)}, got ${state.version === 0 ? 'none' : state.version}; reload and decide again`,
      commandId,
      current: state.version,
    })
  }
  if (def.on === 'new' && state.rows !== undefined)
    return { kind: 'rejected', rejection: { ...exists, detail: undefined }, version: state.version }
  return undefined
}

function decided(pending: PlainPending, state: AggregateState, now: string): Decision {
  const { command, input, actor, commandId } = pending
  const { def, reject, made } = command
  made.last = undefined
  const result: unknown = def.decide({
    input,
    rows: def.on === 'new' ? undefined : presented(def.aggregate, state.rows),
    reject,
    actor,
    now,
    commandId,
    newId: (n: number) => derivedId(commandId, n),
  } as never)
  if (isRejected(result))
    return {
      kind: 'rejected',
      rejection: { code: result.code, kind: result.kind, detail: result.detail },
      version: state.version,
    }
  if (made.last !== undefined) throw droppedRejection(def.name, made.last)
  const events = eventsOf(def.name, def.aggregate, result)
  return {
    kind: 'emitted',
    ...emitEvents(pending, def.aggregate, pending.id, state, events, command.schedules, 1),
  }
}
