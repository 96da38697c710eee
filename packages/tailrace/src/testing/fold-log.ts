import type { AnyAggregate } from '../declare/aggregate.ts'
import { upcast, type AnyEventDef } from '../declare/event.ts'
import { TailraceError } from '../errors.ts'
import type { AggregateRows } from '../ports/write-store.ts'
import { noAggregate, type AggregateState } from '../write/aggregate-state.ts'
import { applyEvents } from '../write/apply-rows.ts'

/** What `foldLog` needs of an event of the log. */
export interface LoggedEvent {
  readonly aggregate: string
  readonly stream: string
  readonly type: string
  readonly schemaVersion: number
  readonly data: unknown
}

/**
 * The rows that the log says every aggregate of one kind should have, by id: for checks that the live tables have not
 * drifted from the log. Events of other aggregates are passed over; deleted aggregates are absent.
 *
 * Events come in log order. Throws `EVENT_UNKNOWN`, `EVENT_FROM_THE_FUTURE` or `ROW_OPERATION_INVALID`.
 */
export function foldLog(
  aggregate: AnyAggregate,
  events: Iterable<LoggedEvent>,
): ReadonlyMap<string, AggregateRows> {
  const defs = new Map(
    (aggregate.events as readonly AnyEventDef[]).map((def) => [def.type as string, def]),
  )
  const states = new Map<string, AggregateState>()
  for (const event of events) {
    const def = defs.get(event.type)
    // An aggregate that was renamed has events under its former name, too: their types are its own.
    if (def === undefined && event.aggregate !== aggregate.name) continue
    if (def === undefined) {
      throw new TailraceError(
        'EVENT_UNKNOWN',
        `expected the events of ${aggregate.name} to be declared, got "${event.type}" in the log; keep its declaration`,
      )
    }
    const data = upcast(def, event.schemaVersion, event.data)
    const { state } = applyEvents(
      aggregate,
      event.stream,
      states.get(event.stream) ?? noAggregate,
      [{ type: event.type, data }],
    )
    states.set(event.stream, state)
  }
  const rows = new Map<string, AggregateRows>()
  for (const [id, state] of states) if (state.rows !== undefined) rows.set(id, state.rows)
  return rows
}
