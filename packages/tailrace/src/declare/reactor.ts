import type { CommandCall } from './command.ts'
import type { AnyEnvelopeOf } from './envelope.ts'
import type { AnyEventDef, EventName } from './event.ts'
import type { EnvelopeOf } from './envelope.ts'

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
      readonly [T in EventName<E>]?: (event: EnvelopeOf<E, T>, args: ReactorArgs) => Promise<void>
    }
  },
): ReactorDef<N> {
  return { kind: 'reactor', name, from: spec.from, on: spec.on as ReactorDef['on'] }
}

export type ReactorEvent<E extends readonly AnyEventDef[]> = AnyEnvelopeOf<E>
