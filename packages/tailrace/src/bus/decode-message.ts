import type { BusDelivery, BusPlace } from '../ports/bus.ts'
import type { RecordedEvent } from '../ports/event-log.ts'
import type { CloudEvent } from './encode-message.ts'
import { assertIntact, invalid, readPlace } from './message-headers.ts'

export interface DecodedMessage extends BusPlace {
  /** Undefined when its data was too large for the bus. */
  readonly event: RecordedEvent | undefined
}

/** Bodies up to this many bytes cannot nest so deeply that code which walks them runs out of stack. */
const shallowBytes = 4_096
const depthMax = 256
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads a message that may be anything: bounded before it is parsed, checked before it is believed. Throws
 * `MESSAGE_INVALID` for what the relay cannot have written.
 */
export function decodeMessage(delivery: BusDelivery, maxBytes: number): DecodedMessage {
  const { headers, body } = delivery
  const place = readPlace(headers)
  if (body.byteLength > maxBytes)
    throw invalid(`a body of at most ${maxBytes} bytes, got ${body.byteLength}`)
  assertIntact(headers, body)
  if (body.byteLength > shallowBytes) checkDepth(body)
  return { ...place, event: eventIn(parse(body), place) }
}

function parse(body: Uint8Array): CloudEvent {
  let text: string
  let parsed: unknown
  try {
    text = utf8.decode(body)
    parsed = JSON.parse(text)
  } catch {
    throw invalid('a body of JSON, got something else')
  }
  // Keys may be written with escapes. What cannot hold such a key at all is not walked.
  if (text.includes('__proto__') || text.includes('\\u00')) refuseProto(parsed)
  if (typeof parsed !== 'object' || parsed === null) throw invalid('an object as its body')
  return parsed as CloudEvent
}

/** Nothing that is merged or copied later may change what all objects inherit. */
function refuseProto(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (Object.hasOwn(value, '__proto__')) throw invalid('no key "__proto__", got one')
  for (const inner of Object.values(value)) refuseProto(inner)
}

function checkDepth(body: Uint8Array): void {
  let depth = 0
  let quoted = false
  for (let i = 0; i < body.length; i++) {
    const byte = body[i]!
    if (byte === 0x22) quoted = !quoted
    else if (quoted) i += byte === 0x5c ? 1 : 0
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > depthMax) throw invalid(`at most ${depthMax} levels, got more`)
    } else if (byte === 0x7d || byte === 0x5d) depth--
  }
}

function eventIn(body: CloudEvent, place: BusPlace): RecordedEvent | undefined {
  for (const name of texts)
    if (typeof body[name] !== 'string')
      throw invalid(`the text "${name}", got ${typeof body[name]}`)
  for (const name of integers)
    if (!Number.isSafeInteger(body[name])) throw invalid(`the integer "${name}"`)
  for (const name of optionalTexts)
    if (body[name] !== undefined && typeof body[name] !== 'string')
      throw invalid(`the text "${name}", got ${typeof body[name]}`)
  if (body.position !== String(place.position) || body.slot !== place.slot)
    throw invalid(`position ${place.position} of slot ${place.slot} in its body too`)
  if (body.omitted !== undefined || !Object.hasOwn(body, 'data')) return undefined
  return {
    position: place.position,
    slot: place.slot,
    aggregate: body.aggregate,
    stream: body.stream,
    version: body.streamversion,
    type: body.type,
    schemaVersion: body.schemaversion,
    data: body.data,
    commandId: body.correlationid,
    ordinal: body.ordinal,
    causationId: body.causationid,
    traceparent: body.traceparent,
    at: body.time,
  }
}

const texts = ['type', 'time', 'aggregate', 'stream', 'correlationid', 'position'] as const
const integers = ['slot', 'streamversion', 'schemaversion', 'ordinal'] as const
const optionalTexts = ['causationid', 'traceparent'] as const
