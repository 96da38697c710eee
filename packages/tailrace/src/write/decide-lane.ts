import type { CommandRecord } from '../ports/write-store.ts'
import { noAggregate, type AggregateState } from './aggregate-state.ts'
import type { IssuedTimer } from '../ports/timers.ts'
import { decideCommand, type DecideContext, type Decision } from './decide-command.ts'
import { timerGone } from './executor-core.ts'
import { timerName } from './issued-timer.ts'
import type { Lane, PlainPending, TakenLane } from './lane-queue.ts'

/** One aggregate's share of a batch: what its commands came to, each seeing the rows as the earlier ones left them. */
export interface LaneWork {
  readonly lane: Lane
  readonly before: AggregateState
  readonly after: AggregateState
  readonly decided: readonly { readonly pending: PlainPending; readonly decision: Decision }[]
  /** Not decided: they need rows that were not loaded, or the batch is full. */
  readonly left: readonly PlainPending[]
  readonly operations: number
}

/**
 * Whether a command can be decided before anything was loaded: it wants a new aggregate, and what it writes is guarded by
 * two keys, of the inserted root and of its record. When either exists, the write fails and a load shows why.
 */
export function needsNoLoad(pending: PlainPending): boolean {
  return (
    pending.command.def.on === 'new' &&
    pending.expectedVersion === undefined &&
    pending.uncertainSince === undefined
  )
}

/**
 * Decides the commands of one aggregate in order. `loaded` undefined: not loaded. Stops early when `operationsMax` is
 * reached (never before the first command) or rows are needed that were not loaded.
 */
export function decideLane(
  { lane, commands }: TakenLane,
  loaded: AggregateState | undefined,
  records: ReadonlyMap<string, CommandRecord>,
  context: DecideContext,
  operationsMax: number,
): LaneWork {
  const before = loaded ?? noAggregate
  let state = loaded
  let operations = 0
  // A commit that was lost happened after all when one of its records is there; what it refused stays refused.
  const happened =
    records.size > 0 &&
    commands.some(
      ({ commandId, uncertainSince }) => uncertainSince !== undefined && records.has(commandId),
    )
  const decided: { pending: PlainPending; decision: Decision }[] = []
  let i = 0
  for (; i < commands.length && (operations < operationsMax || i === 0); i++) {
    const pending = commands[i]!
    const record = records.get(pending.commandId)
    if (record !== undefined) {
      decided.push({ pending, decision: { kind: 'stored', record } })
      continue
    }
    if (happened && pending.lostRefusal !== undefined) {
      decided.push({ pending, decision: { kind: 'refused', outcome: pending.lostRefusal } })
      continue
    }
    if (state === undefined && !needsNoLoad(pending)) break
    if (pending.timer !== undefined && isReplaced(pending.timer, decided)) {
      decided.push({ pending, decision: { kind: 'refused', outcome: timerGone(pending) } })
      continue
    }
    const decision = decideCommand(pending, state ?? noAggregate, context)
    if (loaded === undefined && isUnguarded(pending, decision, state)) break
    if (decision.kind === 'emitted') {
      // Made and deleted in one batch would write no row, and so nothing that guards the key: the deletion waits for the next.
      if (
        before.rows === undefined &&
        decision.state.rows === undefined &&
        state?.rows !== undefined
      )
        break
      state = decision.state
      operations += decision.operations
    }
    decided.push({ pending, decision })
  }
  const left = i === commands.length ? none : commands.slice(i)
  if (left.length > 0 && loaded === undefined) lane.mustLoad = true
  return { lane, before, after: state ?? noAggregate, decided, left, operations }
}

/** Whether an earlier command of the batch sets or cancels the timer, or was issued for it. */
function isReplaced(timer: IssuedTimer, earlier: LaneWork['decided']): boolean {
  const name = timerName(timer)
  return earlier.some(
    ({ pending, decision }) =>
      (decision.kind === 'emitted' && decision.timers.some((one) => timerName(one) === name)) ||
      ((decision.kind === 'emitted' || decision.kind === 'rejected') &&
        pending.timer !== undefined &&
        timerName(pending.timer) === name),
  )
}

/** Whether nothing that it writes would show that an earlier run, or an aggregate of that id, exists. */
function isUnguarded(
  pending: PlainPending,
  decision: Decision,
  state: AggregateState | undefined,
): boolean {
  if (decision.kind === 'refused') return pending.fingerprint !== ''
  return decision.kind === 'emitted' && decision.events.length === 0 && state === undefined
}

const none: readonly never[] = Object.freeze([])
