import { nearest, TailraceError } from '../errors.ts'
import { checkEventList, checkOptions, checkSchema, type OptionsOf } from './check-declaration.ts'
import {
  makeCommand,
  type CommandDef,
  type CommandSpec,
  type Presence,
  type RejectionSet,
} from './command.ts'
import type { AnyEventDef, EventData, EventName } from './event.ts'
import { rootOf, type RowOperation, type RowsOf, type TableSet, type WritersTo } from './rows.ts'
import type { AnySchema, In, Out } from './standard-schema.ts'

/** An event on its way into the tables. */
export interface WrittenEvent<N extends string = string, D = unknown> {
  readonly type: N
  readonly data: D
  /** The aggregate's id. */
  readonly id: string
  /** The stream version that this event gets. */
  readonly version: number
}

/** Event → row operations, one function per event type; a missing one is a type error. Pure. */
export type WriteFunctions<R extends TableSet, E extends readonly AnyEventDef[]> = {
  readonly [N in EventName<E>]: (
    event: WrittenEvent<N, EventData<E, N>>,
    to: WritersTo<R>,
  ) => readonly RowOperation[]
}

export interface AggregateSpec<
  IdS extends AnySchema,
  R extends TableSet,
  E extends readonly AnyEventDef[],
> {
  /** Schema of the id. Its output is a string (a uuid, or a text key). */
  readonly id: IdS
  readonly rows: R
  readonly events: E
  readonly write: WriteFunctions<R, E>
  /**
   * The partition key of an event; events of one key keep their order on every bus and in every projection.
   * Default: the stream (the aggregate's id).
   */
  readonly partitionBy?: (
    event: { readonly [N in EventName<E>]: WrittenEvent<N, EventData<E, N>> }[EventName<E>],
  ) => string
}

const options: OptionsOf<AggregateSpec<AnySchema, TableSet, readonly AnyEventDef[]>> = {
  id: 'required',
  rows: 'required',
  events: 'required',
  write: 'required',
  partitionBy: 'optional',
}

export interface Aggregate<
  N extends string = string,
  Id extends string = string,
  R extends TableSet = TableSet,
  E extends readonly AnyEventDef[] = readonly AnyEventDef[],
> {
  readonly kind: 'aggregate'
  readonly name: N
  readonly id: AnySchema
  readonly rows: R
  /** Property name of the root table in `rows`. */
  readonly root: string
  readonly events: E
  readonly write: Readonly<
    Record<string, (event: WrittenEvent, to: never) => readonly RowOperation[]>
  >
  readonly partitionBy: ((event: WrittenEvent) => string) | undefined
  /** Declares a command on this aggregate. */
  command<
    const C extends string,
    S extends AnySchema,
    const P extends Presence,
    const Rej extends RejectionSet = {},
  >(
    name: C,
    spec: CommandSpec<S, Id, RowsOf<R>, P, Rej, E>,
  ): CommandDef<C, In<S>, Rej>
}

// oxlint-disable-next-line typescript/no-explicit-any
export type AnyAggregate = Aggregate<any, any, any, any>

/**
 * Declares an aggregate: the rows that a command locks, its events, and how each event changes the rows.
 * Throws `AGGREGATE_DECLARATION` for two events of one name, a missing writer, or not exactly one root table.
 */
export function aggregate<
  const N extends string,
  IdS extends AnySchema,
  const R extends TableSet,
  const E extends readonly AnyEventDef[],
>(name: N, spec: AggregateSpec<IdS, R, E>): Aggregate<N, Out<IdS> & string, R, E> {
  checkOptions('AGGREGATE_DECLARATION', `aggregate "${name}"`, spec, options)
  checkSchema('AGGREGATE_DECLARATION', `the id of aggregate "${name}"`, spec.id)
  checkEventList('AGGREGATE_DECLARATION', `"events" of aggregate "${name}"`, spec.events)
  checkEvents(name, spec.events, spec.write)
  const made: Aggregate<N, Out<IdS> & string, R, E> = {
    kind: 'aggregate',
    name,
    id: spec.id,
    rows: spec.rows,
    root: rootOf(name, spec.rows),
    events: spec.events,
    write: spec.write as unknown as Aggregate['write'],
    partitionBy: spec.partitionBy as Aggregate['partitionBy'],
    command: (command, commandSpec) => makeCommand(made as AnyAggregate, command, commandSpec),
  }
  return made
}

function checkEvents(name: string, events: readonly AnyEventDef[], write: object): void {
  const seen = new Set<string>()
  for (const { type } of events) {
    if (seen.has(type))
      throw new TailraceError(
        'AGGREGATE_DECLARATION',
        `expected the events of aggregate "${name}" to have different names, got "${type}" twice`,
      )
    seen.add(type)
    if (!(type in write))
      throw new TailraceError(
        'AGGREGATE_DECLARATION',
        `expected aggregate "${name}" to have write.${type}, got none; every event must say how it changes the rows`,
      )
  }
  const stranger = Object.keys(write).find((type) => !seen.has(type))
  if (stranger !== undefined)
    throw new TailraceError(
      'AGGREGATE_DECLARATION',
      `expected "write" of aggregate "${name}" to have a function per event, got "${stranger}"${nearest(stranger, [...seen])}; add the event to events`,
    )
}
