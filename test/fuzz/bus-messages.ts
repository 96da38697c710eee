import * as fc from 'fast-check'
import type { BusDelivery, RecordedEvent } from 'tailrace/adapter'
import { nastyBodies } from '../../packages/http/test/nasty-bodies.ts'
import { encodeMessage } from '../../packages/tailrace/src/bus/encode-message.ts'
import { messageHeaders } from '../../packages/tailrace/src/bus/message-headers.ts'

export const maxBytes = 1_000_000
const chain = { prevPosition: 41n, slots: { from: 0, to: 63 }, history: '00000000000000ff/3' }

const event: RecordedEvent = {
  position: 42n,
  slot: 17,
  aggregate: 'order',
  stream: 'o-1',
  version: 3,
  type: 'OrderPlaced',
  schemaVersion: 2,
  data: { n: 1, text: 'some text', list: [1, 2, { three: null }] },
  commandId: '00000000-0000-8000-8000-000000000001',
  ordinal: 1,
  causationId: undefined,
  traceparent: undefined,
  at: '2026-01-01T00:00:00.123Z',
}
const sent = encodeMessage(event, chain, maxBytes)
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc.constantFrom(...nastyBodies).map(({ body }) => Uint8Array.from(Buffer.from(body as string))),
)
const header = fc.oneof(
  fc.string(),
  fc.bigInt({ min: -1n, max: 2n ** 70n }).map(String),
  fc.constantFrom('', '0-300', '64-0', '-1', '00', '1e3', '__proto__', '0x10', ' 7', '7 ', '９'),
)

/** Changes of bytes as networks and disks make them: flipped, cut, doubled, with others in between. */
export function damagedBytes(from: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = fc.nat(Math.max(0, from.length - 1))
  return fc.oneof(
    fc.tuple(at, fc.nat(7)).map(([place, bit]) => {
      const other = Uint8Array.from(from)
      if (place < other.length) other[place]! ^= 1 << bit
      return other
    }),
    at.map((length) => from.subarray(0, length)),
    fc
      .tuple(at, bytes)
      .map(([place, more]) => Buffer.concat([from.subarray(0, place), more, from.subarray(place)])),
    fc.constant(Buffer.concat([from, from])),
    bytes,
  )
}

/** A text of words, one of which is another, absent, or there twice. */
function damagedWords(text: string): fc.Arbitrary<string> {
  const words = text.split(' ')
  const at = fc.nat(words.length - 1)
  return fc
    .oneof(
      fc.tuple(at, header).map(([place, word]) => words.with(place, word)),
      at.map((place) => words.toSpliced(place, 1)),
      at.map((place) => words.toSpliced(place, 0, words[place]!)),
    )
    .map((some) => some.join(' '))
}

/** A message that went wrong on its way: its checksum is what it was. */
export function damagedMessages({ headers, body }: BusDelivery): fc.Arbitrary<BusDelivery> {
  const name = fc.constantFrom(...headers.keys(), '__proto__', 'other')
  return fc.oneof(
    damagedBytes(body).map((other) => ({ headers, body: other })),
    fc
      .tuple(name, header)
      .map(([key, value]) => ({ headers: new Map(headers).set(key, value), body })),
    damagedWords(headers.get('place')!).map((text) => ({
      headers: new Map(headers).set('place', text),
      body,
    })),
    name.map((key) => ({ headers: new Map([...headers].filter(([one]) => one !== key)), body })),
    fc.tuple(fc.dictionary(fc.string(), header), bytes).map(([others, other]) => ({
      headers: new Map(Object.entries(others)),
      body: other,
    })),
  )
}

const place = { position: sent.position, slot: sent.slot, ...chain }

/** Messages of somebody who knows how checksums are made. */
const forgedMessages: fc.Arbitrary<BusDelivery> = fc
  .tuple(
    fc.oneof(
      damagedBytes(Buffer.from(sent.body)).map((body) => Buffer.from(body).toString()),
      fc
        .tuple(fc.constantFrom(...Object.keys(JSON.parse(sent.body) as object)), fc.jsonValue())
        .map(([key, value]) =>
          JSON.stringify({ ...(JSON.parse(sent.body) as object), [key]: value }),
        ),
      fc
        .oneof({ weight: 9, arbitrary: fc.nat(600) }, { weight: 1, arbitrary: fc.nat(200_000) })
        .map((depth) => sent.body.replace('"n":1', `"n":${'['.repeat(depth)}${']'.repeat(depth)}`)),
      fc.string().map((key) => sent.body.replace('"n"', () => JSON.stringify(key))),
      fc
        .constantFrom('"__proto__"', '"\\u005f_proto__"')
        .map((key) => sent.body.replace('"n":1', `${key}:{"x":1}`)),
    ),
    fc.nat(24),
  )
  .map(([body, draw]) => {
    // Few are large: those take the time of a hundred others.
    const text = draw === 0 ? body.replace('some text', 'x'.repeat(300_000)) : body
    return {
      headers: new Map(Object.entries(messageHeaders(place, text))),
      body: Buffer.from(text),
    }
  })

/** Whatever may reach the decoder. */
export const anyMessages: fc.Arbitrary<BusDelivery> = fc.oneof(
  damagedMessages({ headers: new Map(Object.entries(sent.headers)), body: Buffer.from(sent.body) }),
  forgedMessages,
)
