import { crc32 } from 'node:zlib'
import { TailraceError } from '../errors.ts'
import type { BusPlace } from '../ports/bus.ts'
import { slotCount } from '../log/slot.ts'

/** Headers of every message, beside the body. The first one is that of the CloudEvents bindings for structured events. */
export const headerNames = {
  contentType: 'content-type',
  position: 'position',
  prevPosition: 'prevposition',
  slot: 'slot',
  slots: 'slots',
  history: 'history',
  checksum: 'crc32',
} as const

export const cloudEventsJson = 'application/cloudevents+json; charset=UTF-8'

/** The headers of a message with this body. */
export function messageHeaders(place: BusPlace, body: string): Record<string, string> {
  const { position, prevPosition, slot, slots, history } = place
  return {
    [headerNames.contentType]: cloudEventsJson,
    [headerNames.position]: String(position),
    [headerNames.prevPosition]: String(prevPosition),
    [headerNames.slot]: String(slot),
    [headerNames.slots]: `${slots.from}-${slots.to}`,
    [headerNames.history]: history,
    [headerNames.checksum]: checksum(place, body),
  }
}

/** CRC-32 over the place and the body, as 8 hex digits: what a damaged message does not have. */
export function checksum(place: BusPlace, body: string | Uint8Array): string {
  const { position, prevPosition, slot, slots, history } = place
  const text = `${position} ${prevPosition} ${slot} ${slots.from}-${slots.to} ${history}\n`
  return crc32(body, crc32(text)).toString(16).padStart(8, '0')
}

/** Where a message says that it stands. Throws `MESSAGE_INVALID`. */
export function readPlace(headers: ReadonlyMap<string, string>): BusPlace {
  const [from, to] = (/^(\d{1,3})-(\d{1,3})$/.exec(textIn(headers, headerNames.slots)) ?? []).slice(
    1,
  )
  const place = {
    position: positionIn(headers, headerNames.position),
    prevPosition: positionIn(headers, headerNames.prevPosition),
    slot: Number(textIn(headers, headerNames.slot)),
    slots: { from: Number(from), to: Number(to) },
    history: textIn(headers, headerNames.history),
  }
  const { slot, slots, position, prevPosition } = place
  const holds = slots.from <= slot && slot <= slots.to && slots.to < slotCount
  if (!Number.isInteger(slot) || !holds)
    throw invalid(`a slot within its range, got slot "${slot}" of "${from}-${to}"`)
  if (prevPosition >= position) throw invalid(`a position above ${prevPosition}, got ${position}`)
  return place
}

export function invalid(expectation: string): TailraceError {
  return new TailraceError(
    'MESSAGE_INVALID',
    `expected a message with ${expectation}; it is left out`,
  )
}

function positionIn(headers: ReadonlyMap<string, string>, name: string): bigint {
  const value = textIn(headers, name)
  if (!/^\d{1,19}$/.test(value)) throw invalid(`a decimal "${name}", got "${value.slice(0, 40)}"`)
  return BigInt(value)
}

function textIn(headers: ReadonlyMap<string, string>, name: string): string {
  const value = headers.get(name)
  if (value === undefined) throw invalid(`the header "${name}", got none`)
  return value
}
