import type { RowChange, TimerToWrite, VersionGuard, WriteBatch } from 'tailrace/adapter'
import { enginePart, expectedStamp, expectedVersion, rowPartId } from './write-parts.ts'

/** The rows of a batch by the part of the statement that writes them. */
export function rowsOfParts(batch: WriteBatch): Map<string, readonly unknown[]> {
  const parts = new Map<string, unknown[]>()
  collectRows(batch, parts)
  if (batch.commands.length > 0) parts.set(enginePart.commands, [...batch.commands])
  if (batch.issued.length > 0) parts.set(enginePart.timersIssued, [...batch.issued])
  if (batch.events.length > 0) parts.set(enginePart.events, [...batch.events])
  for (const timer of lastPerTimer(batch.timers)) {
    const part = timer.at === undefined ? enginePart.timersCancelled : enginePart.timersSet
    rowsOf(parts, part).push(timer)
  }
  return parts
}

function collectRows(batch: WriteBatch, parts: Map<string, unknown[]>): void {
  const guards = new Map<string, VersionGuard>()
  for (const guard of batch.guards) guards.set(place(guard.aggregate.name, guard.id), guard)
  for (const { op, aggregate, id, of, row } of inLockOrder(batch.rows)) {
    const rows = rowsOf(parts, rowPartId(aggregate.name, of, op))
    if (of !== aggregate.root || op === 'insert') {
      rows.push(row)
      continue
    }
    const at = place(aggregate.name, id)
    // Without a guard the version matches nothing, so the batch is refused instead of overwriting a row unseen.
    const guard = guards.get(at)
    rows.push({ ...row, [expectedVersion]: guard?.expected, [expectedStamp]: guard?.stamp })
    guards.delete(at)
  }
  for (const { aggregate, id, expected, stamp } of guards.values()) {
    const part = rowPartId(aggregate.name, aggregate.root, 'guard')
    rowsOf(parts, part).push({ id, [expectedVersion]: expected, [expectedStamp]: stamp })
  }
}

function rowsOf(parts: Map<string, unknown[]>, id: string): unknown[] {
  let rows = parts.get(id)
  if (rows === undefined) {
    rows = []
    parts.set(id, rows)
  }
  return rows
}

function place(aggregate: string, id: string): string {
  return `${aggregate}/${id}`
}

/** Processes that change the same rows lock them in one order, by aggregate, so that they wait instead of deadlocking. */
function inLockOrder(rows: readonly RowChange[]): readonly RowChange[] {
  if (rows.every(({ op }) => op === 'insert')) return rows
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

/** A timer that is set and cancelled in one batch has the last word's state. */
function lastPerTimer(timers: readonly TimerToWrite[]): Iterable<TimerToWrite> {
  if (timers.length < 2) return timers
  return new Map(
    timers.map((timer) => [JSON.stringify([timer.schedule, timer.stream]), timer]),
  ).values()
}
