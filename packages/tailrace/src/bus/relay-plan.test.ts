import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { GrowingLog, restored } from '../../test/growing-log.ts'
import { refuses } from '../../../conformance/src/suite.ts'
import { slotRanges } from '../log/slot.ts'
import type { BusMessage, BusPlace } from '../ports/bus.ts'
import type { LogEpoch } from '../ports/event-log.ts'
import { inSends, jumps, planRelay, relaySpread, shareOut, type RelayPlan } from './relay-plan.ts'
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

test('of several partitions, the furthest proves how far one that tells nothing is', () => {
  const far = 5_000_000n
  for (const places of [
    [place(far, 0, 3), place(far - 500n, 1, 3), undefined],
    [place(far - 500n, 0, 3), place(far, 1, 3), undefined],
  ])
    expect(plan(places).partitions[2]!.published).toBe(far - relaySpread)
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

test('what a partition may lack is counted in events, also across the jump where a history begins', () => {
  const { systemId } = epochs[0]!
  const long: readonly LogEpoch[] = [
    ...epochs,
    { systemId, epoch: 2, lastPosition: 50_000n, firstPosition: 1_050_000n },
    { systemId, epoch: 3, lastPosition: 1_052_000n, firstPosition: 2_052_000n },
  ]
  const filledFrom = (position: bigint): bigint =>
    plan([place(position, 0, 2, `${systemId}/3`), undefined], long).partitions[1]!.published
  // 100 events of the third history, 2,000 of the second, and 7,900 of the first.
  expect(filledFrom(2_052_100n)).toBe(42_100n)
  // Exactly as many as the third history has.
  expect(filledFrom(2_062_000n)).toBe(2_052_000n)
  expect(filledFrom(2_062_001n)).toBe(2_052_001n)
  expect(filledFrom(2_061_999n)).toBe(1_051_999n)
})

test('a history that was lost whole, or restored behind its beginning, has no events to count', () => {
  const { systemId } = epochs[0]!
  const after = (lastPosition: bigint): bigint => {
    const known: readonly LogEpoch[] = [
      ...epochs,
      { systemId, epoch: 2, lastPosition: 90_000n, firstPosition: 1_090_000n },
      { systemId, epoch: 3, lastPosition, firstPosition: 2_090_000n },
    ]
    return plan([place(2_090_100n, 0, 2, `${systemId}/3`), undefined], known).partitions[1]!
      .published
  }
  expect(after(1_090_000n)).toBe(80_100n)
  expect(after(40_000n)).toBe(30_100n)
  expect(after(1_090_001n)).toBe(80_101n)
})

test('of a message from an earlier history, only what every later one kept is there', () => {
  const { systemId } = epochs[0]!
  const twice: readonly LogEpoch[] = [
    ...epochs,
    { systemId, epoch: 2, lastPosition: 90n, firstPosition: 1_090n },
    { systemId, epoch: 3, lastPosition: 40n, firstPosition: 2_040n },
  ]
  const published = (position: bigint, epoch: number): bigint =>
    plan([place(position, 0, 1, `${systemId}/${epoch}`)], twice).partitions[0]!.published
  expect(published(95n, 1)).toBe(40n)
  expect(published(30n, 1)).toBe(30n)
  expect(published(1_099n, 2)).toBe(40n)
  expect(published(2_041n, 3)).toBe(2_041n)
})

test('positions jump in a page that goes over the beginning of a history', () => {
  const at = plan([place(70n, 0, 1)])
  const page = (through: bigint, ...found: bigint[]) =>
    jumps(at, { through, events: found.map((position) => ({ position })) } as never)
  expect(page(72n, 71n, 72n)).toBe(false)
  expect(page(70n)).toBe(false)
  expect(page(1_000_001n, 71n, 1_000_001n)).toBe(true)
  expect(page(1_000_000n)).toBe(true)
})

test('a topic with messages of another log is refused', async () => {
  const stranger = place(5n, 0, 2, '00000000000000aa/1')
  const error = await refuses(
    Promise.resolve().then(() => plan([stranger, undefined])),
    'BUS_FOREIGN',
  )
  expect(error.message).toContain('00000000000000aa/1')
  expect(error.details).toEqual({ position: '5', history: '00000000000000aa/1' })
})

test('pages are shared out by slots, each message with the position before it in its partition', async () => {
  const log = new GrowingLog()
  log.record(1_024)
  const read = await log.read({ after: 0n, slots: [{ from: 0, to: 255 }], limit: 1_024 })
  const events = read.events.map((event, i) => ({ ...event, slot: (i * 7) % 256 }))
  const owned = (partition: number) => {
    const { from, to } = slotRanges(3)[partition]!
    return events.filter(({ slot }) => slot >= from && slot <= to)
  }
  const had = owned(0)[100]!.position
  const before = plan([place(had, 0, 3), place(1_024n, 1, 3), undefined])
  const { parts, next } = shareOut(before, { ...read, events }, 1_000_000)
  expect(next.position).toBe(1_024n)
  expect(parts.map(({ partition }) => partition)).toEqual([0, 2])
  const wanted = [owned(0).slice(101), owned(2)]
  for (const [i, { partition, messages }] of parts.entries()) {
    expect(messages.map(({ position }) => position)).toEqual(
      wanted[i]!.map(({ position }) => position),
    )
    let last = before.partitions[partition]!.published
    for (const message of messages) {
      expect(message.prevPosition).toBe(last)
      expect(message.slots).toEqual(slotRanges(3)[partition])
      last = message.position
    }
    expect(next.partitions[partition]!.published).toBe(last)
  }
  expect(next.partitions[1]!.published).toBe(1_024n)
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

test('sends are bounded by their messages', () => {
  const small = Array.from(
    { length: 7 },
    (_, i) => ({ key: 'k', headers: {}, body: '{}', position: BigInt(i) }) as unknown as BusMessage,
  )
  const sends = inSends(small, { bytes: 1_000_000, messages: 3 })
  expect(sends.map(({ length }) => length)).toEqual([3, 3, 1])
  expect(sends.flat()).toEqual(small)
})
