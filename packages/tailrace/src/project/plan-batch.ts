import type { Envelope } from '../declare/envelope.ts'
import { TailraceError, isTailraceError } from '../errors.ts'
import type { RecordedEvent } from '../ports/event-log.ts'
import { eventId, type CompiledProjection } from './compiled-projection.ts'

/** An event with the keys it touches, or why they cannot be known. */
export interface PlannedEvent {
  readonly position: bigint
  readonly type: string
  readonly eventId: string
  /** Undefined when `failure` is set. */
  readonly envelope: Envelope | undefined
  /** Where a failure parks: documents, or the stream when the documents are unknown. */
  readonly keys: readonly string[]
  /** Parked when an earlier event of the stream could not say its documents. */
  readonly streamKey: string
  /** The upcaster or the key function threw. */
  readonly failure: unknown
}

/** What a batch of events needs, before anything is loaded. */
export interface BatchPlan {
  readonly events: readonly PlannedEvent[]
  /** Every key touched, in order of first touch. */
  readonly keys: readonly string[]
}

/** Remembers which slot touched a key, to see two streams in one document. */
export interface KeySlots {
  /** Notes the slot of a key and gives the one noted before, if any is remembered. */
  swap(key: string, slot: number): number | undefined
}

const keyLengthMax = 512

/**
 * Upcasts events and asks for their keys, in order. Pure but for `slots`.
 * Throws `PROJECTION_KEY_CROSSES_STREAMS` for scope 'stream' when events of two slots touch one key, and
 * `EVENT_FROM_THE_FUTURE` when this code is older than the log.
 */
export function planBatch(
  compiled: CompiledProjection,
  events: readonly RecordedEvent[],
  slots: KeySlots | undefined,
): BatchPlan {
  const keys = new Set<string>()
  const planned: PlannedEvent[] = []
  for (const event of events) {
    if (compiled.handler(event.type) === undefined) continue
    const plan = planEvent(compiled, event)
    planned.push(plan)
    if (plan.failure !== undefined) continue
    for (const key of plan.keys) {
      keys.add(key)
      const before = slots?.swap(key, event.slot)
      if (before !== undefined && before !== event.slot) throw crossing(compiled, key, event)
    }
  }
  return { events: planned, keys: [...keys] }
}

function planEvent(compiled: CompiledProjection, event: RecordedEvent): PlannedEvent {
  const common = {
    position: event.position,
    type: event.type,
    eventId: eventId(event),
    streamKey: streamKey(event.stream),
  }
  try {
    const envelope = compiled.envelope(event)
    const keys = distinct(
      compiled.projection.shape === 'rows' ? [event.stream] : compiled.keysOf(envelope),
    )
    for (const key of keys) checkKey(key)
    return { ...common, envelope, keys, failure: undefined }
  } catch (error) {
    if (isTailraceError(error) && error.code === 'EVENT_FROM_THE_FUTURE') throw error
    return {
      ...common,
      envelope: undefined,
      keys: [common.streamKey],
      failure: error ?? new Error('thrown without a reason'),
    }
  }
}

function distinct(keys: readonly string[]): readonly string[] {
  return keys.length === 1 ? keys : [...new Set(keys)]
}

/** The key that parks all events of a stream whose documents cannot be told. */
export function streamKey(stream: string): string {
  return `@stream:${stream}`
}

function checkKey(key: unknown): void {
  if (typeof key !== 'string' || key === '' || key.length > keyLengthMax) {
    throw new TypeError(
      `expected a key of 1 to ${keyLengthMax} characters, got ${typeof key === 'string' ? `${key.length} characters` : JSON.stringify(key)}`,
    )
  }
}

function crossing(compiled: CompiledProjection, key: string, event: RecordedEvent): TailraceError {
  const { name } = compiled.projection
  return new TailraceError(
    'PROJECTION_KEY_CROSSES_STREAMS',
    `expected every document of projection "${name}" to belong to one stream, got key "${key}" touched by ${event.aggregate} "${event.stream}" and from another slot: by another stream, or by this one before its partition key changed (partitionBy); declare the projection with scope: 'log' and count its version up`,
    { details: { projection: name, key, position: event.position.toString() } },
  )
}
