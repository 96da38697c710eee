import type { IssuedTimer } from '../ports/timers.ts'
import type {
  CommandToRecord,
  EventToAppend,
  RowChange,
  TimerToWrite,
  VersionGuard,
  WriteBatch,
} from '../ports/write-store.ts'
import type { Decision } from './decide-command.ts'
import type { LaneWork } from './decide-lane.ts'
import type { PlainPending } from './lane-queue.ts'
import { removalOf, timerName } from './issued-timer.ts'
import { netChanges } from './net-changes.ts'

interface Building {
  readonly rows: RowChange[]
  readonly guards: VersionGuard[]
  readonly events: EventToAppend[]
  readonly commands: CommandToRecord[]
  readonly timers: TimerToWrite[]
  readonly issued: IssuedTimer[]
}

/** What the decided commands of some aggregates write; undefined when that is nothing. */
export function writeBatchOf(works: readonly LaneWork[]): WriteBatch | undefined {
  const batch: Building = { rows: [], guards: [], events: [], commands: [], timers: [], issued: [] }
  for (const work of works) addWork(batch, work)
  return batch.commands.length === 0 ? undefined : batch
}

function addWork(batch: Building, { lane, before, after, decided }: LaneWork): void {
  let timers: Map<string, TimerToWrite> | undefined
  for (const { pending, decision } of decided) {
    if (decision.kind === 'refused' || decision.kind === 'stored') continue
    batch.commands.push(recordOf(pending, decision))
    // One timer per schedule and stream: the last word counts.
    if (pending.timer !== undefined) {
      batch.issued.push(pending.timer)
      for (const timer of removalOf(pending)) (timers ??= new Map()).set(timerName(timer), timer)
    }
    if (decision.kind === 'rejected') continue
    for (const event of decision.events) batch.events.push(event)
    for (const timer of decision.timers) (timers ??= new Map()).set(timerName(timer), timer)
  }
  if (before !== after) {
    const { aggregate, id } = lane
    netChanges(aggregate, id, before.rows, after.rows, batch.rows)
    const { version: expected, stamp } = before
    if (before.rows !== undefined) batch.guards.push({ aggregate, id, expected, stamp })
  }
  if (timers !== undefined) batch.timers.push(...timers.values())
}

function recordOf(
  pending: PlainPending,
  decision: Extract<Decision, { kind: 'emitted' | 'rejected' }>,
): CommandToRecord {
  const emitted = decision.kind === 'emitted'
  return {
    commandId: pending.commandId,
    name: pending.command.def.name,
    fingerprint: pending.fingerprint,
    state: emitted ? 'committed' : 'rejected',
    aggregateId: pending.id,
    version: decision.version,
    rejection: emitted ? undefined : decision.rejection,
    slots: emitted ? decision.slots : none,
  }
}

const none: readonly never[] = Object.freeze([])
