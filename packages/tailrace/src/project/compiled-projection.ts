import type { Envelope } from '../declare/envelope.ts'
import { upcast, type AnyEventDef } from '../declare/event.ts'
import type { AnyProjectionDef, ProjectionTransaction } from '../declare/projection.ts'
import type { RecordedEvent } from '../ports/event-log.ts'

export type FoldHandler = (event: Envelope, document: unknown, key: string) => unknown
export type RowsHandler = (event: Envelope) => readonly unknown[]
export type SqlHandler = (event: Envelope, tx: ProjectionTransaction) => Promise<void>

/** A projection with what each event needs looked up once. */
export interface CompiledProjection {
  readonly projection: AnyProjectionDef
  /** Event types that have a handler: the only ones worth reading. */
  readonly types: readonly string[]
  /** The event as handlers see it: data brought to the declared version. Throws what an upcaster throws. */
  envelope(event: RecordedEvent): Envelope
  keysOf(event: Envelope): readonly string[]
  handler<H extends FoldHandler | RowsHandler | SqlHandler>(type: string): H
}

/** Prepares a projection for reading events. */
export function compileProjection(projection: AnyProjectionDef): CompiledProjection {
  const handlers = new Map(Object.entries(projection.on))
  const defs = new Map(
    (projection.from as readonly AnyEventDef[]).map((def) => [def.type as string, def]),
  )
  return {
    projection,
    types: [...handlers.keys()],
    envelope: (event) => envelopeOf(event, defs.get(event.type)),
    keysOf: projection.keysOf as (event: Envelope) => readonly string[],
    handler: (type) => handlers.get(type) as never,
  }
}

/** The id of an event: unique for ever. */
export function eventId(event: RecordedEvent): string {
  return `${event.commandId}/${event.ordinal}`
}

/** The event as handlers see it: data brought to the declared version. Throws what an upcaster throws. */
export function envelopeOf(event: RecordedEvent, def: AnyEventDef | undefined): Envelope {
  const current = def === undefined || event.schemaVersion === def.schemaVersion
  return {
    id: eventId(event),
    type: event.type,
    data: current ? event.data : upcast(def, event.schemaVersion, event.data),
    aggregate: event.aggregate,
    stream: event.stream,
    version: event.version,
    position: event.position,
    slot: event.slot,
    at: event.at,
    correlationId: event.commandId,
    ...(event.causationId === undefined ? {} : { causationId: event.causationId }),
    ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
  }
}
