import type { Envelope, EventDef } from 'tailrace'
import { orderEvents } from '../write/events.ts'

type EnvelopeFor<D> = D extends EventDef<infer N, infer T> ? Envelope<N, T> : never
type OrderEventDef = (typeof orderEvents)[number]

/** Any event of an order, as the log hands it out. `switch (event.type)` tells them apart. */
export type OrderEvent = EnvelopeFor<OrderEventDef>

/** One handler for every event of an order. */
export function onEvery<H>(handler: H): { readonly [N in OrderEventDef['type']]: H } {
  return Object.fromEntries(orderEvents.map(({ type }) => [type, handler])) as {
    [N in OrderEventDef['type']]: H
  }
}
