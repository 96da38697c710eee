import { WriteFailed, type RowChange, type TimerToWrite, type WriteBatch } from 'tailrace/adapter'
import { enginePart, expectedField, rowPartId } from './write-parts.ts'

/** The parameters of one part: its rows as a JSON list, and how many they are. */
export interface PartValues {
  readonly json: string
  readonly count: number
}

/** Sorts a batch into the parts of its statement. Throws `WriteFailed` for a value that JSON cannot hold. */
export function writeValues(batch: WriteBatch): Map<string, PartValues> {
  const lists = new Map<string, string[]>()
  const add = (part: string, json: string) => {
    const list = lists.get(part)
    if (list === undefined) lists.set(part, [json])
    else list.push(json)
  }
  try {
    addRows(batch, add)
    for (const command of batch.commands) add(enginePart.commands, JSON.stringify(command))
    for (const event of batch.events) add(enginePart.events, JSON.stringify(event))
    for (const timer of lastPerTimer(batch.timers)) {
      add(
        timer.at === undefined ? enginePart.timersCancelled : enginePart.timersSet,
        JSON.stringify(timer),
      )
    }
  } catch (cause) {
    if (!(cause instanceof TypeError || cause instanceof RangeError)) throw cause
    throw new WriteFailed(
      `expected values that JSON can hold, got one that it cannot: ${cause.message}`,
      { cause },
    )
  }
  return new Map(
    [...lists].map(([part, list]) => [part, { json: `[${list.join()}]`, count: list.length }]),
  )
}

function addRows(batch: WriteBatch, add: (part: string, json: string) => void): void {
  const expected = new Map(
    batch.guards.map((guard) => [place(guard.aggregate.name, guard.id), guard]),
  )
  for (const change of inLockOrder(batch.rows)) {
    const { op, aggregate, id, of, row } = change
    const part = rowPartId(aggregate.name, of, op)
    if (of !== aggregate.root || op === 'insert') {
      add(part, JSON.stringify(row))
      continue
    }
    const guard = expected.get(place(aggregate.name, id))
    expected.delete(place(aggregate.name, id))
    // Without a guard the version matches nothing, so the batch is refused instead of overwriting a row unseen.
    add(part, `{"${expectedField}":${guard?.expected ?? 'null'},${JSON.stringify(row).slice(1)}`)
  }
  for (const { aggregate, id, expected: version } of expected.values()) {
    add(
      rowPartId(aggregate.name, aggregate.root, 'guard'),
      JSON.stringify({ id, [expectedField]: version }),
    )
  }
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
