import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BusMessage } from '../ports/bus.ts'
import { bytesOfSend, wireBytes } from './wire-bytes.ts'

const texts = fc.string({ unit: 'binary', maxLength: 200 })

test('a message is counted with its body, key and headers, in bytes and not in letters', () => {
  const anyMessage = fc.record({
    key: texts,
    body: texts,
    headers: fc.dictionary(fc.stringMatching(/^[a-z-]{1,20}$/), texts),
  })
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 5 }), (messages) => {
      const all = messages.flatMap(({ key, body, headers }) => [
        key,
        body,
        ...Object.entries(headers).flat(),
      ])
      const bytes = all.reduce((sum, text) => sum + new TextEncoder().encode(text).length, 0)
      const counted = bytesOfSend(messages as unknown as BusMessage[])
      expect(counted).toBe(bytes + 96 * messages.length)
    }),
  )
  const message = { key: '', body: '訂單', headers: {} } as unknown as BusMessage
  expect(wireBytes(message)).toBe(6 + 96)
})
