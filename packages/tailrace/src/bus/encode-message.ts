import type { BusMessage, BusPlace } from '../ports/bus.ts'
import type { RecordedEvent } from '../ports/event-log.ts'
import { eventId } from '../project/compiled-projection.ts'
import { messageHeaders } from './message-headers.ts'
import { wireBytes } from './wire-bytes.ts'

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
 * Makes the message of an event. Data that makes the body larger than `maxBytes`, or the message larger than `maxSendBytes`,
 * is left out, and said: one event that is too large must not stop all those behind it.
 */
export function encodeMessage(
  event: RecordedEvent,
  chain: Pick<BusPlace, 'prevPosition' | 'slots' | 'history'>,
  maxBytes: number,
  maxSendBytes = Number.POSITIVE_INFINITY,
): BusMessage {
  const place: BusPlace = {
    position: event.position,
    prevPosition: chain.prevPosition,
    slot: event.slot,
    slots: chain.slots,
    history: chain.history,
  }
  const cloudEvent = cloudEventOf(event, chain.history)
  const whole = messageOf(place, event, cloudEvent)
  if (fits(whole, maxBytes, maxSendBytes)) return whole
  const omitted = Buffer.byteLength(JSON.stringify(event.data))
  return messageOf(place, event, { ...cloudEvent, data: undefined, omitted })
}

function messageOf(place: BusPlace, event: RecordedEvent, cloudEvent: CloudEvent): BusMessage {
  const body = JSON.stringify(cloudEvent)
  return {
    ...place,
    key: cloudEvent.subject,
    atMs: Date.parse(event.at),
    headers: messageHeaders(place, body),
    body,
  }
}

/** More than the headers and the framing of a message ever have. */
const besideTexts = 1_024

function fits(message: BusMessage, maxBytes: number, maxSendBytes: number): boolean {
  const { key, body } = message
  // In UTF-8, a code unit of a string takes three bytes at most: most messages need not be counted.
  const most = (key.length + body.length) * 3
  if (most <= maxBytes && most + besideTexts <= maxSendBytes) return true
  return Buffer.byteLength(body) <= maxBytes && wireBytes(message) <= maxSendBytes
}
