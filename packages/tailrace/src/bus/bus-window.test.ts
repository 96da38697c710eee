import { expect, test } from 'vitest'
import type { RecordedEvent } from '../ports/event-log.ts'
import { BusWindow } from './bus-window.ts'
import type { DecodedMessage } from './decode-message.ts'

function message(
  position: bigint,
  prevPosition: bigint,
  more: Partial<DecodedMessage> = {},
): DecodedMessage {
  const event = { position, slot: 1, type: 'A' } as RecordedEvent
  const slots = { from: 0, to: 127 }
  return { position, prevPosition, slot: 1, slots, history: 'h/1', event, ...more }
}

function windowAt(position: bigint): BusWindow {
  const window = new BusWindow(['A'])
  window.startAt(position, 0)
  return window
}

function positions(window: BusWindow, after: bigint): bigint[] {
  const all = [{ from: 0, to: 255 }]
  return window.page({ after, slots: all, limit: 1_000 }).events.map((event) => event.position)
}

test('messages in order are served as they come, and repeated ones are dropped', () => {
  const window = windowAt(10n)
  expect(window.accept(message(11n, 10n), 1)).toBe('next')
  expect(window.accept(message(11n, 10n), 1)).toBe('duplicate')
  expect(window.accept(message(9n, 8n), 1)).toBe('duplicate')
  expect(window.accept(message(12n, 11n), 1)).toBe('next')
  expect(positions(window, 10n)).toEqual([11n, 12n])
  expect(window.end).toBe(12n)
  expect(window.doubt(900)).toBeUndefined()
})

test('a position that another partition still brings is waited for, then doubted', () => {
  const window = windowAt(10n)
  expect(window.accept(message(12n, 9n), 100)).toBe('waiting')
  expect(window.end).toBe(10n)
  expect(window.doubt(110)).not.toBe('lost')
  expect(window.doubt(150)).toBe('hole')
  expect(window.accept(message(11n, 10n), 160)).toBe('next')
  expect(positions(window, 10n)).toEqual([11n, 12n])
  expect(window.doubt(170)).toBeUndefined()
})

test('a message proves the loss of the one before it, at once', () => {
  const window = windowAt(10n)
  window.accept(message(11n, 10n), 1)
  expect(window.accept(message(14n, 13n), 2)).toBe('waiting')
  expect(window.doubt(2)).toBe('lost')
  const events = [12n, 13n].map((position) => message(position, 0n).event!)
  expect(window.adopt({ events, through: 13n }, 'lost', 3)).toBe(true)
  expect(positions(window, 10n)).toEqual([11n, 12n, 13n, 14n])
  expect(window.doubt(4)).toBeUndefined()
})

test('misorder within a partition is served in order', () => {
  const window = windowAt(0n)
  window.accept(message(3n, 2n), 1)
  window.accept(message(2n, 1n), 1)
  expect(window.doubt(1)).toBe('lost')
  window.accept(message(1n, 0n), 1)
  expect(positions(window, 0n)).toEqual([1n, 2n, 3n])
})

test('silence is doubted after a while, and lateness after a hint', () => {
  const window = windowAt(0n)
  window.accept(message(1n, 0n), 0)
  expect(window.doubt(999)).toBeUndefined()
  expect(window.doubt(1_000)).toBe('silent')
  window.woken(100)
  window.woken(300)
  expect(window.doubt(349)).toBeUndefined()
  expect(window.doubt(350)).toBe('late')
  expect(window.adopt({ events: [], through: 1n }, 'late', 360)).toBe(false)
  expect(window.doubt(1_000)).toBeUndefined()
})

test('while the bus is behind, the log is read often, until the bus has caught up', () => {
  const window = windowAt(0n)
  window.accept(message(1n, 0n), 0)
  expect(window.adopt({ events: [message(2n, 1n).event!], through: 5n }, 'silent', 1_000)).toBe(
    true,
  )
  expect(window.doubt(1_024)).toBeUndefined()
  expect(window.doubt(1_025)).toBe('behind')
  expect(window.accept(message(4n, 1n), 1_030)).toBe('duplicate')
  expect(window.doubt(1_030)).toBe('behind')
  expect(window.accept(message(5n, 4n), 1_030)).toBe('duplicate')
  expect(window.doubt(1_030)).toBeUndefined()
})

test('of a partition with all slots, a message says itself that nothing lies before it', () => {
  const window = windowAt(100n)
  const jump = { slots: { from: 0, to: 255 } }
  expect(window.accept(message(1_000_101n, 100n, jump), 1)).toBe('next')
  expect(window.end).toBe(1_000_101n)
})

test('an event that was too large for its message comes from the log', () => {
  const window = windowAt(0n)
  expect(window.accept(message(1n, 0n, { event: undefined }), 1)).toBe('refused')
  expect(window.doubt(1)).toBe('lost')
})

test('events that nobody wants move it on without being kept', () => {
  const window = windowAt(0n)
  window.accept(message(1n, 0n, { event: { type: 'Z' } as RecordedEvent }), 1)
  expect(window.end).toBe(1n)
  expect(positions(window, 0n)).toEqual([])
})

test('what waits for a missing message is bounded, and what was refused is missed later', () => {
  const window = windowAt(0n)
  for (let n = 2n; n < 8_002n; n++) expect(window.accept(message(n, n - 1n), 1)).toBe('waiting')
  expect(window.accept(message(8_002n, 8_001n), 1)).toBe('refused')
  expect(window.waiting).toBe(8_000)
  window.adopt({ events: [message(1n, 0n).event!], through: 1n }, 'lost', 2)
  expect(window.end).toBe(8_001n)
  expect(window.waiting).toBe(0)
  window.accept(message(8_003n, 8_002n), 3)
  expect(window.doubt(3)).toBe('lost')
})

test('nothing is taken before the log was looked at, nor after it failed', () => {
  const window = new BusWindow(['A'])
  expect(window.accept(message(1n, 0n), 1)).toBe('refused')
  window.startAt(0n, 1)
  window.accept(message(1n, 0n), 1)
  window.clear()
  expect(window.accept(message(2n, 1n), 2)).toBe('refused')
  expect(window.covers(1n)).toBe(false)
})

function logged(position: bigint): RecordedEvent {
  return message(position, 0n).event!
}

test('a bus that is away is doubted at once, one that is distrusted before long, until it brings something', () => {
  const window = windowAt(10n)
  window.accept(message(11n, 10n), 1_000)
  expect(window.doubt(1_001)).toBeUndefined()
  window.lookNow()
  expect(window.doubt(1_001)).toBe('behind')
  window.accept(message(12n, 11n), 1_002)
  expect(window.doubt(1_100)).toBeUndefined()
  window.distrust()
  expect(window.doubt(1_026)).toBeUndefined()
  expect(window.doubt(1_027)).toBe('behind')
})

test('a bus that has brought nothing yet is not trusted', () => {
  const window = windowAt(10n)
  expect(window.doubt(24)).toBeUndefined()
  expect(window.doubt(25)).toBe('behind')
})

test('after a log that failed, nothing of before is known, waited for or trusted', () => {
  const window = windowAt(10n)
  window.accept(message(11n, 10n), 1)
  window.accept(message(14n, 13n), 1)
  expect(window.lost).toBe(true)
  window.clear()
  expect([window.end, window.waiting, window.lost]).toEqual([undefined, 0, false])
  window.startAt(20n, 100)
  expect(window.doubt(100)).toBeUndefined()
  expect(window.doubt(125)).toBe('behind')
})

test('a hole is doubted from when it was first seen, and anew after each step', () => {
  const window = windowAt(10n)
  window.accept(message(11n, 10n), 100)
  window.accept(message(14n, 9n), 1_000_100)
  window.accept(message(15n, 9n), 1_000_140)
  expect(window.doubt(1_000_149)).not.toBe('hole')
  expect(window.doubt(1_000_150)).toBe('hole')
  window.accept(message(12n, 11n), 1_000_155)
  expect(window.doubt(1_000_204)).toBeUndefined()
  expect(window.doubt(1_000_205)).toBe('hole')
})

test('a message that follows the last one of its own partition only waits for what the others bring', () => {
  const window = windowAt(10n)
  window.accept(message(11n, 10n), 1)
  expect(window.accept(message(13n, 11n), 1)).toBe('waiting')
  expect(window.lost).toBe(false)
  expect(window.accept(message(15n, 13n), 1)).toBe('waiting')
  expect(window.lost).toBe(false)
})

test('of a partition with all slots, a message that follows one that did not come proves its loss', () => {
  const window = windowAt(10n)
  const all = { slots: { from: 0, to: 255 } }
  window.accept(message(11n, 10n, all), 1)
  expect(window.accept(message(15n, 14n, all), 1)).toBe('waiting')
  expect(window.lost).toBe(true)
  expect(window.accept(message(20n, 11n, { slots: { from: 128, to: 255 } }), 1)).toBe('waiting')
  expect(window.end).toBe(11n)
})

test('what nobody wants is waited for like all else, and not kept', () => {
  const window = windowAt(10n)
  const unwanted = { event: { position: 12n, slot: 1, type: 'Z' } as RecordedEvent }
  window.accept(message(12n, 11n, unwanted), 1)
  window.accept(message(13n, 12n), 1)
  expect(window.waiting).toBe(2)
  window.accept(message(11n, 10n), 2)
  expect([window.end, window.waiting]).toEqual([13n, 0])
  expect(positions(window, 10n)).toEqual([11n, 13n])
})

test('what the log has told does not wait any more', () => {
  const window = windowAt(10n)
  window.accept(message(12n, 11n), 1)
  window.accept(message(14n, 13n), 1)
  window.accept(message(17n, 16n), 1)
  window.adopt({ events: [11n, 12n, 13n, 14n].map(logged), through: 14n }, 'lost', 2)
  expect(window.waiting).toBe(1)
  window.adopt({ events: [15n, 16n, 17n].map(logged), through: 17n }, 'lost', 3)
  expect(window.waiting).toBe(0)
  expect(positions(window, 10n)).toEqual([11n, 12n, 13n, 14n, 15n, 16n, 17n])
})

test.each([
  ['late', true, 'behind'],
  ['silent', true, 'behind'],
  ['hole', true, undefined],
  ['lost', true, undefined],
  ['behind', false, undefined],
] as const)(
  'what the log knows after a doubt "%s" is a loss that it healed, but for one that was expected',
  (why, healed, next) => {
    const window = windowAt(10n)
    window.accept(message(11n, 10n), 0)
    expect(window.adopt({ events: [logged(12n)], through: 12n }, why, 100)).toBe(healed)
    expect(window.end).toBe(12n)
    // Who was silent while the log grew is not trusted further.
    expect(window.doubt(125)).toBe(next)
    expect(window.adopt({ events: [], through: 12n }, why, 200)).toBe(false)
  },
)
