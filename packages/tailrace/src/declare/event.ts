import { TailraceError } from '../errors.ts'
import { checkSchema } from './check-declaration.ts'
import { isStrayPromise } from './stray-promise.ts'
import type { AnySchema, Out } from './standard-schema.ts'

/** An event as `decide` returns it: a past-tense fact, not yet recorded. */
export interface NewEvent<N extends string = string, D = unknown> {
  readonly type: N
  readonly data: D
}

/** Turns a payload of an older schema version into the next one. Pure: it runs at every read. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Upcaster = (old: any) => unknown

/** The upcasters that version `V` needs: from each version before it. */
export type UpcastersTo<V extends number> = Readonly<
  Record<`${V}` extends CountedVersion<V> ? `from${Below<V>}` : `from${number}`, Upcaster>
>

/** What is no version, or not known to the compiler, is left to the check at run time. */
type CountedVersion<V extends number> = number extends V
  ? never
  : `${V}` extends
        | '0'
        | `-${string}`
        | `${string}.${string}`
        | `${infer _A}${infer _B}${infer _C}${string}`
    ? never
    : `${V}`

type Below<V extends number, Counted extends 1[] = [1], Found = never> = Counted['length'] extends V
  ? Found
  : Below<V, [...Counted, 1], Found | Counted['length']>

export interface EventDef<N extends string = string, D = unknown> {
  (data: D): NewEvent<N, D>
  readonly kind: 'event'
  readonly type: N
  /** Schema version that new events are written with. Starts at 1. */
  readonly schemaVersion: number
  readonly schema: AnySchema
  readonly upcasters: Readonly<Record<string, Upcaster>>
}

// oxlint-disable-next-line typescript/no-explicit-any
export type AnyEventDef = EventDef<any, any>

/**
 * Declares an event type. Call the result with its data to make one.
 *
 * `event('ItemsShipped', 2, schema, { from1: (old) => … })` is version 2 with the upcaster from version 1; a missing
 * upcaster is refused at declaration. Throws `EVENT_DECLARATION`.
 */
export function event<const N extends string, S extends AnySchema>(
  type: N,
  schema: S,
): EventDef<N, Out<S>>
export function event<const N extends string, const V extends number, S extends AnySchema>(
  type: N,
  schemaVersion: V,
  schema: S,
  ...upcasters: V extends 1 ? [upcasters?: UpcastersTo<1>] : [upcasters: UpcastersTo<V>]
): EventDef<N, Out<S>>
export function event(
  type: string,
  ...rest: readonly (AnySchema | number | Readonly<Record<string, Upcaster>> | undefined)[]
): EventDef {
  const [schemaVersion, schema, upcasters = {}] = (
    typeof rest[0] === 'number' ? rest : [1, ...rest]
  ) as [number, AnySchema, Readonly<Record<string, Upcaster>>?]
  checkSchema('EVENT_DECLARATION', `the data of event "${type}"`, schema)
  checkUpcasters(type, schemaVersion, upcasters)
  const make = (data: unknown): NewEvent => ({ type, data })
  return Object.assign(make, { kind: 'event' as const, type, schemaVersion, schema, upcasters })
}

function checkUpcasters(
  type: string,
  version: number,
  upcasters: Readonly<Record<string, Upcaster>>,
): void {
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new TailraceError(
      'EVENT_DECLARATION',
      `expected the version of event "${type}" to be an integer from 1, got ${version}`,
    )
  }
  for (let from = 1; from < version; from++) {
    if (upcasters[`from${from}`] === undefined) {
      throw new TailraceError(
        'EVENT_DECLARATION',
        `expected event "${type}" version ${version} to have an upcaster from${from}, got none; old events are in the log for ever`,
      )
    }
  }
  const wanted = new Set(Array.from({ length: version - 1 }, (_, i) => `from${i + 1}`))
  const extra = Object.keys(upcasters).find((name) => !wanted.has(name))
  if (extra !== undefined) {
    throw new TailraceError(
      'EVENT_DECLARATION',
      `expected upcasters ${[...wanted].join(', ') || '(none)'} for event "${type}", got "${extra}"`,
    )
  }
}

/**
 * Brings recorded data of schema version `from` to the declared version.
 * Throws `EVENT_FROM_THE_FUTURE` when the log holds a newer version than this code declares.
 */
export function upcast(def: AnyEventDef, from: number, data: unknown): unknown {
  if (from > def.schemaVersion) {
    throw new TailraceError(
      'EVENT_FROM_THE_FUTURE',
      `expected event "${def.type}" of version ${def.schemaVersion} or older, got version ${from}; deploy the code that declares it`,
    )
  }
  let current = data
  for (let version = from; version < def.schemaVersion; version++) {
    current = def.upcasters[`from${version}`]!(current)
    if (isStrayPromise(current))
      throw new TailraceError(
        'HANDLER_RESULT_INVALID',
        `expected upcaster from${version} of event "${def.type}" to give the data of version ${version + 1} at once, got a promise; upcasters are synchronous`,
      )
  }
  return current
}

export type EventName<E extends readonly AnyEventDef[]> = E[number]['type']
/** The union of new events of a list of event types. */
export type NewEventOf<E extends readonly AnyEventDef[]> = {
  [I in keyof E]: E[I] extends EventDef<infer N, infer D> ? NewEvent<N, D> : never
}[number]
/** The data type of one event name in a list. */
export type EventData<E extends readonly AnyEventDef[], N extends string> =
  Extract<E[number], { readonly type: N }> extends EventDef<N, infer D> ? D : never
