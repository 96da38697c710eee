import { nearest, TailraceError } from '../errors.ts'
import type { AnyAggregate, Aggregate } from './aggregate.ts'
import type { CommandCall } from './command.ts'
import type { AnyEventDef, EventData, EventName } from './event.ts'
import type { WrittenEvent } from './aggregate.ts'
import type { TableSet } from './rows.ts'

/** What an event does to the timer of its stream: sets it (replacing an earlier one), cancels it, or nothing. */
export type TimerChange = { readonly at: string; readonly call: CommandCall } | 'cancel' | undefined

export interface ScheduleDef<N extends string = string> {
  readonly kind: 'schedule'
  readonly name: N
  readonly aggregate: AnyAggregate
  readonly on: Readonly<Record<string, (event: WrittenEvent) => TimerChange>>
}

/**
 * Declares a scheduled command: one timer per stream, set and cancelled by events in the command's own transaction,
 * issued once by the timer role at or after `at` (RFC 3339). Exactly one effect: the command commits only while its timer is
 * set, and removes it with the same commit; one that was cancelled or set anew has none, however far its issue had come.
 */
export function schedule<
  const N extends string,
  R extends TableSet,
  E extends readonly AnyEventDef[],
>(
  name: N,
  aggregate: Aggregate<string, string, R, E>,
  on: { readonly [T in EventName<E>]?: (event: WrittenEvent<T, EventData<E, T>>) => TimerChange },
): ScheduleDef<N> {
  const known = new Set(aggregate.events.map((def) => def.type as string))
  const stranger = Object.keys(on).find((type) => !known.has(type))
  if (stranger !== undefined) {
    throw new TailraceError(
      'APP_DECLARATION',
      `expected schedule "${name}" to name events of aggregate "${aggregate.name}", got "${stranger}"${nearest(stranger, [...known])}`,
    )
  }
  return {
    kind: 'schedule',
    name,
    aggregate: aggregate as unknown as AnyAggregate,
    on: on as ScheduleDef['on'],
  }
}
