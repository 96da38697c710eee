import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { GrowingLog, restored } from '../../test/growing-log.ts'
import { refuses } from '../../../conformance/src/suite.ts'
import { slotRanges } from '../log/slot.ts'
import type { BusMessage, BusPlace } from '../ports/bus.ts'
import type { LogEpoch } from '../ports/event-log.ts'
import { inSends, planRelay, relaySpread, shareOut, type RelayPlan } from './relay-plan.ts'
import { bytesOfSend } from './wire-bytes.ts'

const epochs: readonly LogEpoch[] = [
  { systemId: '00000000000000ff', epoch: 1, lastPosition: 0n, firstPosition: 0n },
]

function place(
  position: bigint,
  partition: number,
  partitions: number,
  history = '00000000000000ff/1',
): BusPlace {
  const slots = slotRanges(partitions)[partition]!
  return { position, prevPosition: position - 1n, slot: slots.from, slots, history }
}

function plan(places: readonly (BusPlace | undefined)[], known = epochs): RelayPlan {
  const layout = { partitions: places.length, incarnation: 'a' }
  return planRelay({ bus: 'b', layout, places, epochs: known })
}

test('an empty topic gets the log from its beginning', () => {
  expect(plan([undefined, undefined])).toMatchObject({
    position: 0n,
    history: '00000000000000ff/1',
  })
})

test('each partition goes on where the broker says that it ended, and the log is read for the slowest', () => {
  const { position, partitions } = plan([place(70n, 0, 3), place(50n, 1, 3), place(60n, 2, 3)])
  expect(position).toBe(50n)
  expect(partitions.map(({ published }) => published)).toEqual([70n, 50n, 60n])
})

test('a partition that tells nothing is filled from what the others prove', () => {
  const far = 5_000_000n
  const { position, partitions } = plan([place(far, 0, 2), undefined])
  expect(partitions[1]!.published).toBe(far - relaySpread)
  expect(position).toBe(far - relaySpread)
})

test('a partition that tells nothing is not filled with what the broker would not keep', () => {
  const layout = { partitions: 2, incarnation: 'a' }
  const planned = (places: readonly (BusPlace | undefined)[], expired: bigint) =>
    planRelay({ bus: 'b', layout, places, epochs, expired }).partitions.map(
      ({ published }) => published,
    )
  expect(planned([undefined, undefined], 700n)).toEqual([700n, 700n])
  expect(planned([place(500n, 0, 2), undefined], 700n)).toEqual([500n, 700n])
  const far = 5_000_000n
  expect(planned([place(far, 0, 2), undefined], 700n)).toEqual([far, far - relaySpread])
})

test('when the topic is partitioned otherwise, no slot lacks what another partition had', () => {
  const old = [place(900_000n, 0, 2), place(899_000n, 1, 2), undefined, undefined]
  const { partitions } = plan(old)
  for (const { published } of partitions) expect(published).toBeLessThanOrEqual(899_000n)
})

test('what a restore lost is not taken for published, and positions jump with the history', () => {
  const { partitions, history } = plan([place(130n, 0, 2), place(80n, 1, 2)], restored)
  expect(history).toBe('00000000000000ff/2')
  expect(partitions.map(({ published }) => published)).toEqual([100n, 80n])
  const later = plan([place(1_000_105n, 0, 2, '00000000000000ff/2'), undefined], restored)
  expect(later.partitions[1]!.published).toBe(0n)
})

test('a topic with messages of another log is refused', async () => {
  const stranger = place(5n, 0, 2, '00000000000000aa/1')
  const error = await refuses(
    Promise.resolve().then(() => plan([stranger, undefined])),
    'BUS_FOREIGN',
  )
  expect(error.message).toContain('00000000000000aa/1')
})

test('pages are shared out by slots, each message with the position before it in its partition', async () => {
  const log = new GrowingLog()
  log.record(1_000)
  const read = await log.read({ after: 0n, slots: [{ from: 0, to: 255 }], limit: 1_000 })
  const { parts, next } = shareOut(plan([place(300n, 0, 3), undefined, undefined]), read, 1_000_000)
  expect(next.position).toBe(1_000n)
  const seen = parts.flatMap(({ messages }) => messages.map(({ position }) => position))
  expect(new Set(seen).size).toBe(seen.length)
  for (const { partition, messages } of parts) {
    const { from, to } = slotRanges(3)[partition]!
    const owned = log.events.filter(({ slot }) => slot >= from && slot <= to)
    const wanted = owned.filter(({ position }) => partition !== 0 || position > 300n)
    expect(messages.map(({ position }) => position)).toEqual(wanted.map(({ position }) => position))
    let before = partition === 0 ? 300n : 0n
    for (const message of messages) {
      expect(message.prevPosition).toBe(before)
      expect(message.slots).toEqual({ from, to })
      before = message.position
    }
    expect(next.partitions[partition]!.published).toBe(before)
  }
})

test('sends are bounded by their bytes on the wire, in order, and none is empty', () => {
  const texts = fc.tuple(fc.constantFrom('x', 'ü', '訂', '\u{1F680}'), fc.nat(150))
  const limits = { bytes: 600, messages: 7 }
  fc.assert(
    fc.property(fc.array(texts, { minLength: 1, maxLength: 60 }), (bodies) => {
      const messages = bodies.map(
        ([letter, length], i) =>
          ({
            key: 'thing/s1',
            headers: { place: '1 2 3' },
            body: letter.repeat(length),
            position: BigInt(i),
          }) as unknown as BusMessage,
      )
      const sends = inSends(messages, limits)
      expect(sends.flat()).toEqual(messages)
      for (const [i, send] of sends.entries()) {
        expect(send.length).toBeGreaterThan(0)
        expect(send.length).toBeLessThanOrEqual(limits.messages)
        if (send.length > 1) expect(bytesOfSend(send)).toBeLessThanOrEqual(limits.bytes)
        const next = sends[i + 1]?.[0]
        if (next === undefined || send.length === limits.messages) continue
        expect(bytesOfSend([...send, next])).toBeGreaterThan(limits.bytes)
      }
    }),
  )
  expect(inSends([], { bytes: 1, messages: 1 })).toEqual([])
})
