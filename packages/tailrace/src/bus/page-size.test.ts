import { expect, test } from 'vitest'
import type { BusMessage } from '../ports/bus.ts'
import { PageSize } from './page-size.ts'
import type { RelayPart } from './relay-plan.ts'

/** A page of so many messages, on two partitions. */
function page(count: number, letters: number): RelayPart[] {
  const messages = Array.from(
    { length: count },
    () => ({ body: 'x'.repeat(letters) }) as unknown as BusMessage,
  )
  const half = Math.floor(count / 2)
  return [
    { partition: 0, messages: messages.slice(0, half) },
    { partition: 1, messages: messages.slice(half) },
  ]
}

test('a backlog of small events is read by pages that double, up to the most', () => {
  const size = new PageSize({ events: 4_000, letters: 1_000_000 })
  const seen = [size.events]
  for (let i = 0; i < 4; i++) {
    size.made(page(size.events, 10))
    seen.push(size.events)
  }
  expect(seen).toEqual([500, 1_000, 2_000, 4_000, 4_000])
})

test('of large events only so many are read as fit, and one at least', () => {
  const size = new PageSize({ events: 4_000, letters: 1_000_000 })
  size.made(page(500, 10_000))
  expect(size.events).toBe(100)
  size.made(page(100, 2_000_000))
  expect(size.events).toBe(1)
  size.made(page(1, 10))
  expect(size.events).toBe(500)
})

test('where pages are not full they stay small: the next events may be large', () => {
  const size = new PageSize({ events: 4_000, letters: 1_000_000 })
  for (let i = 0; i < 5; i++) size.made(page(3, 10))
  expect(size.events).toBe(500)
  size.made(page(500, 10))
  size.made([])
  expect(size.events).toBe(1_000)
})

test('a bound of fewer events is never passed', () => {
  const size = new PageSize({ events: 4, letters: 1_000_000 })
  expect(size.events).toBe(4)
  size.made(page(4, 10))
  expect(size.events).toBe(4)
})
