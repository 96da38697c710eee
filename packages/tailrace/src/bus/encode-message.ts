import type { BusMessage, BusPlace } from '../ports/bus.ts'
import type { RecordedEvent } from '../ports/event-log.ts'
import { eventId } from '../project/compiled-projection.ts'
import { messageHeaders } from './message-headers.ts'

/** What stands in a message's body: a CloudEvent 1.0. Attributes of ours are lower-case words, as CloudEvents demands. */
export interface CloudEvent {
  readonly specversion: '1.0'
  /** Unique for ever, and the same when the event is published again. */
  readonly id: string
  /** `urn:tailrace:<system id>`. */
  readonly source: string
  readonly type: string
  /** `<aggregate>/<stream>`. */
  readonly subject: string
  readonly time: string
  readonly datacontenttype: 'application/json'
  readonly position: string
  readonly slot: number
  /** Of the log; grows with a failover or restore that may have changed history. */
  readonly epoch: number
  readonly aggregate: string
  readonly stream: string
  /** 1, 2, 3 … within the stream. */
  readonly streamversion: number
  readonly schemaversion: number
  /** The command that caused it, and which of its events this is. */
  readonly correlationid: string
  readonly ordinal: number
  readonly causationid?: string | undefined
  readonly traceparent?: string | undefined
  /** Bytes of `data` when it was too large for the bus; then `data` is absent, and the log has it. */
  readonly omitted?: number
  readonly data?: unknown
}

/** The body of an event's message. Its positions and history are those of `place`. */
export function cloudEventOf(event: RecordedEvent, history: string): CloudEvent {
  const [systemId, epoch] = history.split('/')
  return {
    specversion: '1.0',
    id: eventId(event),
    source: `urn:tailrace:${systemId}`,
    type: event.type,
    subject: `${event.aggregate}/${event.stream}`,
    time: event.at,
    datacontenttype: 'application/json',
    position: String(event.position),
    slot: event.slot,
    epoch: Number(epoch),
    aggregate: event.aggregate,
    stream: event.stream,
    streamversion: event.version,
    schemaversion: event.schemaVersion,
    correlationid: event.commandId,
    ordinal: event.ordinal,
    causationid: event.causationId,
    traceparent: event.traceparent,
    data: event.data,
  }
}

/**
 * Makes the message of an event. Data beyond `maxBytes` is left out, and said: one event that is too large must not stop
 * all those behind it.
 */
export function encodeMessage(
  event: RecordedEvent,
  chain: Pick<BusPlace, 'prevPosition' | 'slots' | 'history'>,
  maxBytes: number,
): BusMessage {
  const place: BusPlace = {
    position: event.position,
    prevPosition: chain.prevPosition,
    slot: event.slot,
    slots: chain.slots,
    history: chain.history,
  }
  const cloudEvent = cloudEventOf(event, chain.history)
  let body = JSON.stringify(cloudEvent)
  // In UTF-8, a code unit of a string takes three bytes at most.
  if (body.length * 3 > maxBytes && Buffer.byteLength(body) > maxBytes) {
    const omitted = Buffer.byteLength(JSON.stringify(event.data))
    body = JSON.stringify({ ...cloudEvent, data: undefined, omitted })
  }
  return {
    ...place,
    key: cloudEvent.subject,
    atMs: Date.parse(event.at),
    headers: messageHeaders(place, body),
    body,
  }
}
