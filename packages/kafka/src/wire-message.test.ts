import { createRecordsBatch, type MessageRecord } from '@platformatic/kafka'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeMessage, wireBytes, type RecordedEvent } from 'tailrace/adapter'
import { WireMessages } from './wire-message.ts'

const topicId = '01234567-89ab-cdef-0123-456789abcdef'
const chain = { prevPosition: 0n, slots: { from: 0, to: 255 }, history: '9223372036854775807/1' }

function eventOf(text: string, stream: string, atMs: number, position: number): RecordedEvent {
  return {
    position: BigInt(position),
    slot: 200,
    aggregate: 'order',
    stream,
    version: position,
    type: 'OrderPlaced',
    schemaVersion: 1,
    data: { text },
    commandId: '00000000-0000-8000-8000-000000000001',
    ordinal: 1,
    causationId: undefined,
    traceparent: undefined,
    at: new Date(atMs).toISOString(),
  }
}

/** A batch as the client makes it. */
function batchBytes(messages: readonly ReturnType<typeof encodeMessage>[]): number {
  const wire = new WireMessages('a-topic')
  const records = messages.map((message): MessageRecord => {
    const { key, value, ...more } = wire.toProduce(message, topicId, 0)
    return { ...more, key: Buffer.from(key!), value: Buffer.from(value!) } as MessageRecord
  })
  return createRecordsBatch(records).length
}

test('a batch is never larger than its messages are counted, and hardly smaller', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.nat(4_000).map((length) => '訂'.repeat(length)),
  )
  const years = fc.integer({ min: 0, max: 4_000_000_000_000 })
  const someEvents = fc.array(fc.tuple(texts, fc.string({ unit: 'binary' }), years), {
    minLength: 1,
    maxLength: 20,
  })
  fc.assert(
    fc.property(someEvents, (events) => {
      const messages = events.map(([text, stream, atMs], i) =>
        encodeMessage(eventOf(text, stream, atMs, i + 1), chain, 1_000_000),
      )
      const counted = messages.reduce((sum, message) => sum + wireBytes(message), 61)
      const bytes = batchBytes(messages)
      expect(bytes).toBeLessThanOrEqual(counted)
      expect(bytes).toBeGreaterThan(counted - 50 * messages.length)
    }),
  )
})
