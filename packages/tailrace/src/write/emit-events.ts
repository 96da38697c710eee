import type { AnyAggregate, WrittenEvent } from '../declare/aggregate.ts'
import type { AnyEventDef, NewEvent } from '../declare/event.ts'
import { findNotJson } from '../declare/not-json.ts'
import { shownValue } from '../declare/shown-value.ts'
import { isStrayPromise } from '../declare/stray-promise.ts'
import { TailraceError } from '../errors.ts'
import { slotOf } from '../log/slot.ts'
import type { EventToAppend, TimerToWrite } from '../ports/write-store.ts'
import type { AggregateState } from './aggregate-state.ts'
import { applyEvents } from './apply-rows.ts'
import type { SchedulesByEvent } from './compiled-command.ts'
import { timerOf } from './timer-of.ts'

/** The effect of a command's events on one aggregate. */
export interface Emitted {
  readonly state: AggregateState
  /** The stream's version after the last event. */
  readonly version: number
  readonly events: readonly EventToAppend[]
  readonly slots: readonly number[]
  readonly timers: readonly TimerToWrite[]
  readonly operations: number
}

/** Where events come from: what the log keeps of their command. */
export interface EventOrigin {
  readonly commandId: string
  readonly causationId: string | undefined
  readonly traceparent: string | undefined
}

const none: readonly never[] = Object.freeze([])

/** Writes events into the rows of an aggregate and makes their log entries and timers. Throws `EVENT_DATA_INVALID` and `ROW_OPERATION_INVALID`. */
export function emitEvents(
  origin: EventOrigin,
  aggregate: AnyAggregate,
  id: string,
  state: AggregateState,
  events: readonly NewEvent[],
  schedules: SchedulesByEvent,
  firstOrdinal: number,
): Emitted {
  if (events.length === 0)
    return { state, version: state.version, events: none, slots: none, timers: none, operations: 0 }
  for (const event of events) checkData(event)
  const applied = applyEvents(aggregate, id, state, events)
  const toAppend: EventToAppend[] = []
  const slots: number[] = []
  const timers: TimerToWrite[] = []
  for (const event of applied.written) {
    const slot = slotOf(aggregate.partitionBy === undefined ? id : partitionKey(aggregate, event))
    if (!slots.includes(slot)) slots.push(slot)
    toAppend.push(entryOf(origin, aggregate, event, slot, firstOrdinal + toAppend.length))
    for (const schedule of schedules.get(event.type) ?? none) {
      const timer = timerOf(schedule, event)
      if (timer !== undefined) timers.push(timer)
    }
  }
  return {
    state: applied.state,
    version: toAppend.at(-1)!.version,
    events: toAppend,
    slots,
    timers,
    operations: applied.operations,
  }
}

/** Readers get the data from JSON: what that would change must not be committed. */
function checkData({ type, data }: NewEvent): void {
  const found = findNotJson(data)
  if (found === undefined) return
  throw new TailraceError(
    'EVENT_DATA_INVALID',
    `expected the data of event "${type}" to be what JSON can hold, got at "${found.pointer}" ${found.got}; emit strings, finite numbers, booleans, null, lists and plain objects`,
    { details: { event: type, pointer: found.pointer } },
  )
}

function partitionKey(aggregate: AnyAggregate, event: WrittenEvent): string {
  const key: unknown = aggregate.partitionBy!(event)
  if (typeof key === 'string') return key
  throw new TailraceError(
    'HANDLER_RESULT_INVALID',
    `expected partitionBy of "${aggregate.name}" to give a string for "${event.type}", got ${shownValue(key)}`,
  )
}

function entryOf(
  origin: EventOrigin,
  aggregate: AnyAggregate,
  event: WrittenEvent,
  slot: number,
  ordinal: number,
): EventToAppend {
  return {
    aggregate: aggregate.name,
    stream: event.id,
    version: event.version,
    slot,
    type: event.type,
    schemaVersion: schemaVersionsOf(aggregate).get(event.type)!,
    data: event.data,
    commandId: origin.commandId,
    ordinal,
    causationId: origin.causationId,
    traceparent: origin.traceparent,
  }
}

const schemaVersions = new WeakMap<AnyAggregate, ReadonlyMap<string, number>>()

/** Event type → the schema version that new events are written with. Its keys are the events of the aggregate. */
function schemaVersionsOf(aggregate: AnyAggregate): ReadonlyMap<string, number> {
  let versions = schemaVersions.get(aggregate)
  if (versions === undefined) {
    versions = new Map(
      (aggregate.events as readonly AnyEventDef[]).map((def) => [
        def.type as string,
        def.schemaVersion,
      ]),
    )
    schemaVersions.set(aggregate, versions)
  }
  return versions
}

/** The events that a handler returned, as a list. Throws `HANDLER_RESULT_INVALID` for anything else. */
export function eventsOf(
  command: string,
  aggregate: AnyAggregate,
  result: unknown,
): readonly NewEvent[] {
  const events: readonly unknown[] = Array.isArray(result) ? result : [result]
  const known = schemaVersionsOf(aggregate)
  for (const event of events) {
    const type =
      typeof event === 'object' && event !== null ? (event as Partial<NewEvent>).type : undefined
    if (type === undefined || !known.has(type)) {
      const got = isStrayPromise(event)
        ? 'a promise; decide is synchronous'
        : type === undefined
          ? shownValue(event)
          : `"${type}"`
      throw new TailraceError(
        'HANDLER_RESULT_INVALID',
        `expected "${command}" to give events of ${aggregate.name} (${[...known.keys()].join(', ')}) or a rejection, got ${got}`,
      )
    }
  }
  return events as readonly NewEvent[]
}
