import { nearest, TailraceError } from '../errors.ts'
import type { AnyAggregate } from './aggregate.ts'
import type { AnyCommandDef } from './command.ts'
import { checkOptions, type OptionsOf } from './check-declaration.ts'
import type { AnyEventDef } from './event.ts'
import { findNotJsonSchema } from './not-json-schema.ts'
import type { AnyProjectionDef } from './projection.ts'
import type { AnyQueryDef } from './query.ts'
import type { ReactorDef } from './reactor.ts'
import type { TableSet } from './rows.ts'
import type { ScheduleDef } from './schedule.ts'
import { shownValue } from './shown-value.ts'
import type { AnyTransactionalCommandDef } from './transactional-command.ts'

export type CommandSet = Readonly<Record<string, AnyCommandDef | AnyTransactionalCommandDef>>
export type QuerySet = Readonly<Record<string, AnyQueryDef>>

export interface AppSpec<C extends CommandSet, Q extends QuerySet> {
  readonly aggregates: Readonly<Record<string, AnyAggregate>>
  readonly commands: C
  readonly projections: Readonly<Record<string, AnyProjectionDef>>
  readonly queries: Q
  readonly schedules?: Readonly<Record<string, ScheduleDef>>
  readonly reactors?: Readonly<Record<string, ReactorDef>>
  /** Event types that the log may hold and nothing reads any more: read models are made as if they had never been. */
  readonly retired?: readonly string[]
}

const options: OptionsOf<AppSpec<CommandSet, QuerySet>> = {
  aggregates: 'required',
  commands: 'required',
  projections: 'required',
  queries: 'required',
  schedules: 'optional',
  reactors: 'optional',
  retired: 'optional',
}

/** An application: the one registry. Names here are the names on the wire, in metrics and in tools. */
export interface App<C extends CommandSet = CommandSet, Q extends QuerySet = QuerySet> {
  readonly kind: 'app'
  readonly aggregates: ReadonlyMap<string, AnyAggregate>
  readonly commands: C
  readonly projections: ReadonlyMap<string, AnyProjectionDef>
  readonly queries: Q
  readonly schedules: readonly ScheduleDef[]
  readonly reactors: readonly ReactorDef[]
  /** Every event type of every aggregate, by name. */
  readonly events: ReadonlyMap<string, AnyEventDef>
  /** Event types that the log may hold and nothing reads any more. */
  readonly retired: ReadonlySet<string>
}

/**
 * Puts an application together and checks that its parts fit: names differ and equal their keys, events belong to one
 * aggregate, queries read registered projections, commands belong to registered aggregates. Throws `APP_DECLARATION`; and,
 * where a schema of an event or a table holds what JSON or columns cannot, `EVENT_DECLARATION` or `AGGREGATE_DECLARATION`.
 */
export function app<C extends CommandSet, Q extends QuerySet>(spec: AppSpec<C, Q>): App<C, Q> {
  checkOptions('APP_DECLARATION', 'the application', spec, options)
  const aggregates = byName('aggregate', Object.values(spec.aggregates))
  const projections = byName('projection', Object.values(spec.projections))
  checkKeys('command', spec.commands)
  checkKeys('query', spec.queries)
  for (const command of Object.values(spec.commands)) {
    if (
      command.kind === 'command' &&
      aggregates.get(command.aggregate.name) !== command.aggregate
    ) {
      fail(
        `expected command "${command.name}" to belong to a registered aggregate, got "${command.aggregate.name}"; add it to aggregates`,
      )
    }
  }
  for (const declared of Object.values(spec.queries)) checkReads(declared, projections)
  const events = collectEvents(aggregates)
  for (const def of events.values()) checkEventSchema(def)
  checkRetired(spec.retired ?? [], events)
  for (const owner of aggregates.values()) checkRowSchemas(owner)
  for (const projection of projections.values())
    checkEvents(`projection "${projection.name}"`, projection.from, events)
  const reactors = [...byName('reactor', Object.values(spec.reactors ?? {})).values()]
  for (const reactor of reactors) checkEvents(`reactor "${reactor.name}"`, reactor.from, events)
  return {
    kind: 'app',
    aggregates,
    commands: spec.commands,
    projections,
    queries: spec.queries,
    schedules: [...byName('schedule', Object.values(spec.schedules ?? {})).values()],
    reactors,
    events,
    retired: new Set(spec.retired),
  }
}

function fail(text: string): never {
  throw new TailraceError('APP_DECLARATION', text)
}

/** Something is registered where it does not belong, or is not there: an import of a cycle, a list. */
function strange(where: string, item: unknown): never {
  const { kind, name } = (item ?? {}) as { readonly kind?: unknown; readonly name?: unknown }
  const got = typeof kind === 'string' ? `${kind} "${name as string}"` : shownValue(item)
  return fail(`expected "${where}" of the application to hold ${where}, got ${got}`)
}

function byName<T extends { readonly kind: string; readonly name: string }>(
  kind: string,
  list: readonly T[],
): Map<string, T> {
  const map = new Map<string, T>()
  for (const item of list) {
    if (item?.kind !== kind) strange(`${kind}s`, item)
    if (map.has(item.name))
      fail(`expected every ${kind} to have a name of its own, got "${item.name}" twice`)
    map.set(item.name, item)
  }
  return map
}

function checkKeys(
  kind: 'command' | 'query',
  set: Readonly<Record<string, { readonly kind: string; readonly name: string }>>,
): void {
  for (const [key, item] of Object.entries(set)) {
    if (item?.kind !== kind && !(kind === 'command' && item?.kind === 'transactional-command'))
      strange(kind === 'command' ? 'commands' : 'queries', item)
    if (key !== item.name)
      fail(
        `expected ${kind} "${item.name}" to be registered under its own name, got key "${key}"; the key is the name on the wire`,
      )
  }
}

function checkReads(
  declared: AnyQueryDef,
  projections: ReadonlyMap<string, AnyProjectionDef>,
): void {
  const reads = Object.values(declared.reads)
  if (reads.length === 0)
    fail(
      `expected query "${declared.name}" to read a projection, got none; every answer says how fresh its read models are: name one in reads, or answer from elsewhere without a query`,
    )
  for (const read of reads) {
    const registered = projections.get(read.name)
    if (registered === undefined)
      fail(
        `expected query "${declared.name}" to read a registered projection, got "${read.name}"; add it to projections`,
      )
    if (registered !== read)
      fail(
        `expected query "${declared.name}" to read the projection "${read.name}" that is registered, got another declaration of that name; declare it once and import it`,
      )
  }
}

function collectEvents(aggregates: ReadonlyMap<string, AnyAggregate>): Map<string, AnyEventDef> {
  const events = new Map<string, AnyEventDef>()
  for (const owner of aggregates.values()) {
    for (const def of owner.events as readonly AnyEventDef[]) {
      const other = events.get(def.type)
      if (other !== undefined)
        fail(`expected event names to differ across aggregates, got "${def.type}" twice`)
      events.set(def.type, def)
    }
  }
  return events
}

function checkRetired(retired: readonly string[], events: ReadonlyMap<string, AnyEventDef>): void {
  const declared = retired.find((type) => events.has(type))
  if (declared !== undefined)
    fail(
      `expected retired event types to be declared by no aggregate, got "${declared}"; take it out of retired, or out of its aggregate`,
    )
}

// Looked at here, not where they are declared: a schema that refers to a later one is complete only by now.

function checkEventSchema({ type, schema }: AnyEventDef): void {
  const found = findNotJsonSchema(schema)
  if (found !== undefined)
    throw new TailraceError(
      'EVENT_DECLARATION',
      `expected the data of event "${type}" to be what JSON can hold, because every reader gets it from there, got at "${found.pointer}" ${found.got}`,
    )
}

function checkRowSchemas({ name, rows }: AnyAggregate): void {
  for (const { table, schema } of Object.values(rows as TableSet)) {
    const found = findNotJsonSchema(schema)
    if (found !== undefined)
      throw new TailraceError(
        'AGGREGATE_DECLARATION',
        `expected the rows of table "${table}" of aggregate "${name}" to be as they are read: times and numerics as strings, bigint columns as safe integers, json as JSON, got at "${found.pointer}" ${found.got}`,
      )
  }
}

function checkEvents(
  who: string,
  from: readonly AnyEventDef[],
  events: ReadonlyMap<string, AnyEventDef>,
): void {
  for (const def of from) {
    const registered = events.get(def.type)
    if (registered === undefined)
      fail(
        `expected ${who} to read events of a registered aggregate, got "${def.type}"${nearest(def.type, [...events.keys()])}; add its aggregate to aggregates`,
      )
    if (registered !== def)
      fail(
        `expected ${who} to read the event "${def.type}" that the aggregates declare, got another declaration of that name; declare it once and import it`,
      )
  }
}
