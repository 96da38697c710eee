import type { AnyEventDef, EventData, EventName } from './event.ts'

/** An event with everything the log recorded about it. Times are RFC 3339 UTC, stamped by the database. */
export interface Envelope<N extends string = string, D = unknown> {
  /** Unique for ever: `<command id>/<ordinal within the command>`. */
  readonly id: string
  readonly type: N
  readonly data: D
  /** The aggregate's name, such as `order`. */
  readonly aggregate: string
  /** The aggregate's id; its events form the stream. */
  readonly stream: string
  /** 1, 2, 3 … within the stream, without gaps. */
  readonly version: number
  /** Place in the whole log: dense, total, 64-bit. */
  readonly position: bigint
  /** One of 256 fixed logical partitions. */
  readonly slot: number
  readonly at: string
  /** The id of the command that caused it. */
  readonly correlationId: string
  /** The id of the event that caused that command, when a reactor sent it. */
  readonly causationId?: string
  readonly traceparent?: string
}

/** The envelope of one event of a list: `EnvelopeOf<typeof Order.events, 'OrderPaid'>`. */
export type EnvelopeOf<E extends readonly AnyEventDef[], N extends EventName<E>> = Envelope<
  N,
  EventData<E, N>
>
/** Any envelope of a list of events; `switch (event.type)` tells them apart. */
export type AnyEnvelopeOf<E extends readonly AnyEventDef[]> = {
  [N in EventName<E>]: Envelope<N, EventData<E, N>>
}[EventName<E>]
