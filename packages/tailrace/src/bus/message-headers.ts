import { crc32 } from 'node:zlib'
import { TailraceError } from '../errors.ts'
import type { BusPlace } from '../ports/bus.ts'
import { slotCount } from '../log/slot.ts'

/**
 * Headers of every message, beside the body. The first one is that of the CloudEvents bindings for structured events. All
 * else stands in one: clients and brokers pay for each header of each message.
 */
export const headerNames = { contentType: 'content-type', place: 'place' } as const

export const cloudEventsJson = 'application/cloudevents+json; charset=UTF-8'

/** `<position> <prevposition> <slot> <first slot>-<last slot> <history> <crc32>`. */
export const placePattern =
  /^(\d{1,19}) (\d{1,19}) (\d{1,3}) (\d{1,3})-(\d{1,3}) (\S{1,64}) ([0-9a-f]{8})$/

/** The headers of a message with this body. */
export function messageHeaders(place: BusPlace, body: string): Record<string, string> {
  const { position, prevPosition, slot, slots, history } = place
  const text = `${position} ${prevPosition} ${slot} ${slots.from}-${slots.to} ${history}`
  return {
    [headerNames.contentType]: cloudEventsJson,
    [headerNames.place]: `${text} ${checksum(text, body)}`,
  }
}

/** Compares the checksum of a message whose place could be read. Throws `MESSAGE_INVALID`. */
export function assertIntact(headers: ReadonlyMap<string, string>, body: Uint8Array): void {
  const text = headers.get(headerNames.place)!
  const at = text.lastIndexOf(' ')
  const found = text.slice(at + 1)
  const sum = checksum(text.slice(0, at), body)
  if (found !== sum) throw invalid(`the checksum ${sum}, got ${found}`)
}

/** Where a message says that it stands. Throws `MESSAGE_INVALID`. */
export function readPlace(headers: ReadonlyMap<string, string>): BusPlace {
  const text = headers.get(headerNames.place)
  if (text === undefined) throw invalid(`the header "${headerNames.place}", got none`)
  const [, position, prevPosition, slot, from, to, history] = placePattern.exec(text) ?? []
  if (history === undefined)
    throw invalid(
      `"place" as "<position> <prevposition> <slot> <from>-<to> <history> <crc32>", got "${text.slice(0, 120)}"`,
    )
  const place = {
    position: BigInt(position!),
    prevPosition: BigInt(prevPosition!),
    slot: Number(slot),
    slots: { from: Number(from), to: Number(to) },
    history,
  }
  const { slots } = place
  if (slots.from > place.slot || place.slot > slots.to || slots.to >= slotCount)
    throw invalid(`a slot within its range, got slot "${slot}" of "${from}-${to}"`)
  if (place.prevPosition >= place.position)
    throw invalid(`a position above ${prevPosition}, got ${position}`)
  return place
}

export function invalid(expectation: string): TailraceError {
  return new TailraceError(
    'MESSAGE_INVALID',
    `expected a message with ${expectation}; it is left out`,
  )
}

/** CRC-32 over the words of the place and the body, as 8 hex digits: what a damaged message does not have. */
function checksum(place: string, body: string | Uint8Array): string {
  return crc32(body, crc32(`${place}\n`))
    .toString(16)
    .padStart(8, '0')
}
