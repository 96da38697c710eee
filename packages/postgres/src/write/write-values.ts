import {
  WriteFailed,
  type RowChange,
  type TimerToWrite,
  type VersionGuard,
  type WriteBatch,
} from 'tailrace/adapter'
import { enginePart, rowPartId } from './write-parts.ts'

/** The parameters of one part. */
export interface PartValues {
  /** Its rows as a JSON list. */
  readonly json: string
  readonly count: number
  /** Of a versioned part: the expected versions, in the order of the rows, as the text of a list. */
  readonly expected: string | undefined
}

interface Collected {
  readonly rows: unknown[]
  /** `null` matches no version. */
  readonly expected: (number | null)[]
}

/** Sorts a batch into the parts of its statement. Throws `WriteFailed` for a value that JSON cannot hold. */
export function writeValues(batch: WriteBatch): Map<string, PartValues> {
  const parts = new Map<string, Collected>()
  collectRows(batch, parts)
  for (const command of batch.commands) partOf(parts, enginePart.commands).rows.push(command)
  for (const event of batch.events) partOf(parts, enginePart.events).rows.push(event)
  for (const timer of lastPerTimer(batch.timers)) {
    const part = timer.at === undefined ? enginePart.timersCancelled : enginePart.timersSet
    partOf(parts, part).rows.push(timer)
  }
  const values = new Map<string, PartValues>()
  for (const [id, { rows, expected }] of parts) {
    const versions = expected.length === 0 ? undefined : `{${expected.map(String).join()}}`
    values.set(id, { json: jsonOf(rows), count: rows.length, expected: versions })
  }
  return values
}

function jsonOf(rows: readonly unknown[]): string {
  try {
    return JSON.stringify(rows)
  } catch (cause) {
    if (!(cause instanceof TypeError || cause instanceof RangeError)) throw cause
    throw new WriteFailed(
      `expected values that JSON can hold, got one that it cannot: ${cause.message}`,
      { cause },
    )
  }
}

function collectRows(batch: WriteBatch, parts: Map<string, Collected>): void {
  const guards = new Map<string, VersionGuard>()
  for (const guard of batch.guards) guards.set(place(guard.aggregate.name, guard.id), guard)
  for (const { op, aggregate, id, of, row } of inLockOrder(batch.rows)) {
    const part = partOf(parts, rowPartId(aggregate.name, of, op))
    part.rows.push(row)
    if (of !== aggregate.root || op === 'insert') continue
    const at = place(aggregate.name, id)
    // Without a guard the version matches nothing, so the batch is refused instead of overwriting a row unseen.
    part.expected.push(guards.get(at)?.expected ?? null)
    guards.delete(at)
  }
  for (const { aggregate, id, expected } of guards.values()) {
    const part = partOf(parts, rowPartId(aggregate.name, aggregate.root, 'guard'))
    part.rows.push({ id })
    part.expected.push(expected)
  }
}

function partOf(parts: Map<string, Collected>, id: string): Collected {
  let part = parts.get(id)
  if (part === undefined) {
    part = { rows: [], expected: [] }
    parts.set(id, part)
  }
  return part
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
