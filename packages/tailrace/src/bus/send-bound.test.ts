import { expect, test } from 'vitest'
import { TailraceError } from '../errors.ts'
import type { BusMessage } from '../ports/bus.ts'
import { SendBound } from './send-bound.ts'
import { bytesOfSend } from './wire-bytes.ts'

const send = Array.from(
  { length: 10 },
  () => ({ key: 'k', headers: {}, body: 'x'.repeat(100) }) as unknown as BusMessage,
)
const tooLarge = new TailraceError('BUS_UNSUITABLE', 'expected less, got more')

test('a send that is too large halves those to come, however often, and never raises them', () => {
  const bound = new SendBound()
  expect(bound.bytes).toBe(Number.POSITIVE_INFINITY)
  bound.failed(send, tooLarge)
  expect(bound.bytes).toBe(bytesOfSend(send) / 2)
  bound.failed(send.slice(0, 5), tooLarge)
  expect(bound.bytes).toBe(bytesOfSend(send) / 4)
  bound.failed(send, tooLarge)
  expect(bound.bytes).toBe(bytesOfSend(send) / 4)
})

test('other failures say nothing about sizes', () => {
  const bound = new SendBound()
  bound.failed(send, new TailraceError('UNAVAILABLE', 'expected an answer, got none'))
  bound.failed(send, new Error('connection lost'))
  expect(bound.bytes).toBe(Number.POSITIVE_INFINITY)
})

test('pages that go through raise the bound slowly', () => {
  const bound = new SendBound()
  bound.failed(send, tooLarge)
  const { bytes } = bound
  for (let page = 0; page < 11; page++) bound.passed()
  expect(bound.bytes).toBeLessThan(bytes * 2)
  for (let page = 0; page < 2; page++) bound.passed()
  expect(bound.bytes).toBeGreaterThan(bytes * 2)
})
