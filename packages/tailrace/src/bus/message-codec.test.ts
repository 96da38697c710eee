import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isTailraceError } from '../errors.ts'
import type { BusDelivery, BusMessage } from '../ports/bus.ts'
import type { RecordedEvent } from '../ports/event-log.ts'
import { decodeMessage } from './decode-message.ts'
import { encodeMessage } from './encode-message.ts'
import { messageHeaders } from './message-headers.ts'
import { wireBytes } from './wire-bytes.ts'

const chain = { prevPosition: 41n, slots: { from: 0, to: 63 }, history: '00000000000000ff/3' }
const maxBytes = 1_000_000

function eventWith(data: unknown, more: Partial<RecordedEvent> = {}): RecordedEvent {
  return {
    position: 42n,
    slot: 17,
    aggregate: 'order',
    stream: 'o-1',
    version: 3,
    type: 'OrderPlaced',
    schemaVersion: 2,
    data,
    commandId: '00000000-0000-8000-8000-000000000001',
    ordinal: 1,
    causationId: undefined,
    traceparent: undefined,
    at: '2026-01-01T00:00:00.123Z',
    ...more,
  }
}

function deliver({ headers, body }: Pick<BusMessage, 'headers' | 'body'>): BusDelivery {
  return { headers: new Map(Object.entries(headers)), body: Buffer.from(body) }
}

/** The message of an event whose body was changed by somebody who knows how checksums are made. */
function forged(change: (body: string) => string): BusDelivery {
  const message = encodeMessage(eventWith({ n: 1 }), chain, maxBytes)
  const body = change(message.body)
  return deliver({ headers: messageHeaders(message, body), body })
}

function refusal(delivery: BusDelivery): string {
  try {
    decodeMessage(delivery, maxBytes)
  } catch (error) {
    if (isTailraceError(error) && error.code === 'MESSAGE_INVALID') return error.message
    throw error
  }
  return 'none'
}

test('any event comes back as it was, with its place', () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 5 }),
      fc.option(fc.string(), { nil: undefined }),
      (value, causationId) => {
        const data = JSON.parse(JSON.stringify(value)) as unknown
        const event = eventWith({ value: data }, { causationId, traceparent: causationId })
        const text = JSON.stringify(event.data)
        fc.pre(!text.includes('__proto__'))
        const decoded = decodeMessage(deliver(encodeMessage(event, chain, maxBytes)), maxBytes)
        expect(decoded.event).toEqual(event)
        expect(decoded).toMatchObject({ position: 42n, slot: 17, ...chain })
      },
    ),
  )
})

test('the body is a CloudEvent whose attributes have lawful names', () => {
  const { body, headers } = encodeMessage(eventWith({ n: 1 }), chain, maxBytes)
  const parsed = JSON.parse(body) as Record<string, unknown>
  expect(parsed).toEqual({
    specversion: '1.0',
    id: '00000000-0000-8000-8000-000000000001/1',
    source: 'urn:tailrace:00000000000000ff',
    type: 'OrderPlaced',
    subject: 'order/o-1',
    time: '2026-01-01T00:00:00.123Z',
    datacontenttype: 'application/json',
    position: '42',
    slot: 17,
    epoch: 3,
    aggregate: 'order',
    stream: 'o-1',
    streamversion: 3,
    schemaversion: 2,
    correlationid: '00000000-0000-8000-8000-000000000001',
    ordinal: 1,
    data: { n: 1 },
  })
  for (const name of Object.keys(parsed)) expect(name).toMatch(/^[a-z0-9]{1,20}$/)
  expect(headers).toMatchObject({
    'content-type': 'application/cloudevents+json; charset=UTF-8',
    place: expect.stringMatching(/^42 41 17 0-63 00000000000000ff\/3 [0-9a-f]{8}$/),
  })
})

test('data that is too large for the bus is left out, and the place stays', () => {
  const message = encodeMessage(eventWith({ text: 'ü'.repeat(600_000) }), chain, maxBytes)
  expect(Buffer.byteLength(message.body)).toBeLessThan(2_000)
  expect(JSON.parse(message.body)).toMatchObject({ omitted: 1_200_011 })
  expect(decodeMessage(deliver(message), maxBytes)).toMatchObject({
    position: 42n,
    prevPosition: 41n,
    event: undefined,
  })
})

test('data that is too large for the bus together with a long key is left out too', () => {
  const event = eventWith({ text: 'x'.repeat(9_000) }, { stream: 'ö'.repeat(1_000) })
  const whole = encodeMessage(event, chain, maxBytes)
  const bytes = wireBytes(whole)
  expect(encodeMessage(event, chain, maxBytes, bytes)).toEqual(whole)
  const { body, key } = encodeMessage(event, chain, maxBytes, bytes - 1)
  expect(key).toBe(whole.key)
  expect(JSON.parse(body)).toMatchObject({ omitted: 9_011 })
})

test('whatever is changed on the way is noticed', () => {
  const message = encodeMessage(eventWith({ text: 'some text', n: 12 }), chain, maxBytes)
  const sent = deliver(message)
  fc.assert(
    fc.property(fc.nat(sent.body.length - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
      const body = Uint8Array.from(sent.body)
      body[at]! ^= 1 << bit
      expect(refusal({ ...sent, body })).toContain('checksum')
    }),
  )
  fc.assert(
    fc.property(fc.nat(sent.body.length - 1), (length) => {
      expect(refusal({ ...sent, body: sent.body.subarray(0, length) })).toContain('checksum')
    }),
  )
  const words = sent.headers.get('place')!.split(' ')
  for (const at of words.keys()) {
    const place = words.with(at, at === 3 ? '7-20' : at === 5 ? '00000007' : '7').join(' ')
    expect(refusal({ ...sent, headers: new Map([['place', place]]) }), place).not.toBe('none')
    const fewer = words.toSpliced(at, 1).join(' ')
    expect(refusal({ ...sent, headers: new Map([['place', fewer]]) }), fewer).toContain('"place"')
  }
  expect(refusal({ ...sent, headers: new Map() })).toContain('the header "place", got none')
})

test('nothing that anybody writes into a message ends in another error or a polluted object', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.dictionary(fc.string(), fc.string()),
      (body, extra) => {
        const message = encodeMessage(eventWith({ n: 1 }), chain, maxBytes)
        const headers = new Map([...Object.entries(message.headers), ...Object.entries(extra)])
        refusal({ headers, body })
        const text = Buffer.from(body).toString()
        refusal(deliver({ headers: messageHeaders(message, text), body: text }))
      },
    ),
  )
  for (const key of ['"__proto__"', '"\\u005f_proto__"', '"__pr\\u006fto__"'])
    expect(
      refusal(forged((body) => body.replace('"n":1', `"n":{"deep":[{${key}:{"x":1}}]}`))),
    ).toContain('__proto__')
  expect(({} as Record<string, unknown>)['x']).toBeUndefined()
})

test('what is too deep, too large or of another kind is refused', () => {
  const deep = (open: string, close: string): string =>
    refusal(
      forged((body) =>
        body.replace('"n":1', `"n":${open.repeat(100_000)}1${close.repeat(100_000)}`),
      ),
    )
  expect(deep('[', ']')).toContain('levels')
  expect(deep('{"a":', '}')).toContain('levels')
  expect(
    refusal(forged((body) => body.replace('"n":1', `"n":"${'x'.repeat(maxBytes)}"`))),
  ).toContain('bytes')
  expect(refusal(forged((body) => body.replace('"slot":17', '"slot":18')))).toContain('slot')
  expect(refusal(forged((body) => body.replace('"position":"42"', '"position":42')))).toContain(
    'position',
  )
  expect(refusal(forged((body) => body.replace('"type":"OrderPlaced"', '"type":{}')))).toContain(
    'type',
  )
  expect(
    refusal(forged((body) => body.replace('"streamversion":3', '"streamversion":1e99'))),
  ).toContain('streamversion')
  expect(refusal(forged(() => '[]'))).not.toBe('none')
  expect(refusal(forged(() => 'null'))).not.toBe('none')
  expect(refusal(forged(() => '\ud800'))).not.toBe('none')
})

test('brackets within texts are no levels', () => {
  const data = { text: '[{"\\"[['.repeat(2_000) }
  const message = encodeMessage(eventWith(data), chain, maxBytes)
  expect(decodeMessage(deliver(message), maxBytes).event?.data).toEqual(data)
})
