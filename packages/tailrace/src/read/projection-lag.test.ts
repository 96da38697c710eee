import { expect, test } from 'vitest'
import type { SeenHead } from './head-watch.ts'
import { projectionLag } from './projection-lag.ts'

function head(over: Partial<SeenHead> = {}): SeenHead {
  return {
    systemId: 'a'.repeat(16),
    epoch: 1,
    position: 100n,
    nowMs: 10_000,
    unsequenced: 0,
    oldestUnsequencedAtMs: undefined,
    sequencerSeenMs: 10_000,
    readAt: 0,
    behind: new Map([[80n, { events: 20, oldestAtMs: 9_000 }]]),
    looks: [
      { position: 60n, asOfMs: 8_000 },
      { position: 70n, asOfMs: 8_500 },
      { position: 100n, asOfMs: 10_000 },
    ],
    ...over,
  }
}

const caughtUp = { applied: 100n, visible: 100n, reachable: true, nowMs: 10_050 }

test('a projection at the head has no lag, as of the time the head was read', () => {
  const lag = projectionLag({ head: head(), ...caughtUp })
  expect(lag).toEqual({
    lagMs: 0,
    lagEvents: 0,
    parts: { sequenced: 0, applied: 0, visible: 0 },
    asOfMs: 10_000,
  })
})

test('an idle system stays at no lag however long nothing happens', () => {
  expect(projectionLag({ head: head(), ...caughtUp, nowMs: 9_999_999 }).lagMs).toBe(0)
})

test('a snapshot that is older than all that was asked for is as of an earlier look', () => {
  const lag = projectionLag({ head: head(), ...caughtUp, applied: 75n, visible: 75n })
  expect(lag).toMatchObject({ asOfMs: 8_500, lagMs: 1_550, lagEvents: 25 })
  const older = projectionLag({ head: head(), ...caughtUp, applied: 5n, visible: 5n })
  expect(older.asOfMs).toBe(0)
})

test('an event without a position counts, and the data is as of before it', () => {
  const lag = projectionLag({
    head: head({ unsequenced: 3, oldestUnsequencedAtMs: 9_900 }),
    ...caughtUp,
  })
  expect(lag).toEqual({
    lagMs: 150,
    lagEvents: 3,
    parts: { sequenced: 150, applied: 0, visible: 0 },
    asOfMs: 9_900,
  })
})

test('events that wait to be applied count by the age of the oldest', () => {
  const lag = projectionLag({ head: head(), ...caughtUp, applied: 80n, visible: 80n })
  expect(lag).toEqual({
    lagMs: 1_050,
    lagEvents: 20,
    parts: { sequenced: 0, applied: 1_050, visible: 0 },
    asOfMs: 9_000,
  })
})

test('what is applied and not visible yet is a part of its own', () => {
  const lag = projectionLag({ head: head(), ...caughtUp, visible: 80n })
  expect(lag.parts).toEqual({ sequenced: 0, applied: 0, visible: 1_050 })
  expect(lag.lagMs).toBe(1_050)
})

test('progress since the last look never makes the answer claim to be newer', () => {
  const lag = projectionLag({ head: head(), ...caughtUp, applied: 90n, visible: 90n })
  expect(lag.asOfMs).toBe(9_000)
  expect(lag.lagEvents).toBe(10)
})

test('a log that does not answer makes the lag grow, also when everything known is visible', () => {
  const silent = { head: head(), ...caughtUp, reachable: false }
  expect(projectionLag({ ...silent, nowMs: 15_000 })).toMatchObject({
    lagMs: 5_000,
    lagEvents: 0,
    asOfMs: 10_000,
  })
  expect(projectionLag({ ...silent, nowMs: 60_000 })).toMatchObject({
    lagMs: 50_000,
    asOfMs: 10_000,
  })
})

test('the gap that a new history leaves is not counted as events', () => {
  const after = head({
    position: 1_000_100n,
    behind: new Map([[90n, { events: 10, oldestAtMs: 9_500 }]]),
  })
  expect(projectionLag({ head: after, ...caughtUp, applied: 90n, visible: 90n }).lagEvents).toBe(10)
})
