import { nearest, TailraceError } from '../errors.ts'
import { checkEventList, checkOptions } from './check-declaration.ts'
import type { CommandCall } from './command.ts'
import type { Envelope } from './envelope.ts'
import type { AnyEventDef, EventData, EventName } from './event.ts'

export interface ReactorArgs {
  /** Sends a command as the system, caused by this event. Safe to repeat: its idempotency key derives from the event and `n`. */
  send(call: CommandCall, n?: number): Promise<void>
  /** Aborted when the worker stops or loses its lease. */
  readonly signal: AbortSignal
}

export interface ReactorDef<N extends string = string> {
  readonly kind: 'reactor'
  readonly name: N
  readonly from: readonly AnyEventDef[]
  readonly on: Readonly<Record<string, (event: never, args: ReactorArgs) => Promise<void>>>
}

/**
 * Declares side effects on the outside world. Each event is handled at least once and, by the reactor's ledger (keyed by
 * event id), not again after success. Starts at the head of the log when first deployed; never replayed, never run by a rebuild.
 */
export function reactor<const N extends string, const E extends readonly AnyEventDef[]>(
  name: N,
  spec: {
    readonly from: E
    readonly on: {
      readonly [T in EventName<E>]?: (
        event: Envelope<T, EventData<E, T>>,
        args: ReactorArgs,
      ) => Promise<void>
    }
  },
): ReactorDef<N> {
  const of = `reactor "${name}"`
  checkOptions('APP_DECLARATION', of, spec, { from: 'required', on: 'required' })
  checkEventList('APP_DECLARATION', `"from" of ${of}`, spec.from)
  const known = (spec.from as readonly AnyEventDef[]).map((def) => def.type as string)
  const stranger = Object.keys(spec.on).find((type) => !known.includes(type))
  if (stranger !== undefined)
    throw new TailraceError(
      'APP_DECLARATION',
      `expected ${of} to handle events of its "from" list, got "${stranger}"${nearest(stranger, known)}`,
    )
  return { kind: 'reactor', name, from: spec.from, on: spec.on as ReactorDef['on'] }
}
