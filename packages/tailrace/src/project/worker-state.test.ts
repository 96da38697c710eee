import { describe, expect, test } from 'vitest'
import type { Lease } from '../ports/leases.ts'
import {
  initialState,
  lowestCheckpoint,
  movesTo,
  nearPositions,
  nextStep,
  shownState,
  withCheckpoints,
  withDoubt,
  withLeases,
  withProgress,
  type WorkerState,
} from './worker-state.ts'

function lease(range: number, fence = 1n): Lease {
  return {
    projection: 'p',
    version: 1,
    range,
    slots: { from: range * 64, to: range * 64 + 63 },
    fence,
  }
}

function owning(...leases: readonly Lease[]): WorkerState {
  return withLeases(initialState, leases, 1_000, false)
}

function stored(...positions: readonly (readonly [number, bigint, bigint?])[]) {
  return new Map(positions.map(([range, position, fence = 1n]) => [range, { position, fence }]))
}

describe('the next step', () => {
  test('is to rest without leases, after their end, while paused, and after a failure', () => {
    const known = withCheckpoints(owning(lease(0)), [0], stored([0, 5n]))
    expect(nextStep(initialState, 0).kind).toBe('rest')
    expect(nextStep(known, 999).kind).toBe('read')
    expect(nextStep(known, 1_000).kind).toBe('rest')
    expect(nextStep({ ...known, paused: true }, 0).kind).toBe('rest')
    expect(nextStep({ ...known, failure: { code: 'X', message: 'x' } }, 0).kind).toBe('rest')
  })

  test('is to ask the store about ranges that are new or doubtful', () => {
    const known = withCheckpoints(owning(lease(0)), [0], stored([0, 5n]))
    expect(nextStep(owning(lease(0), lease(2)), 0)).toEqual({ kind: 'inspect', ranges: [0, 2] })
    expect(nextStep(withLeases(known, [lease(0), lease(1)], 1_000, false), 0)).toEqual({
      kind: 'inspect',
      ranges: [1],
    })
    expect(nextStep(withLeases(known, [lease(0, 2n)], 1_000, false), 0)).toEqual({
      kind: 'inspect',
      ranges: [0],
    })
    expect(nextStep(withDoubt(known), 0)).toEqual({ kind: 'inspect', ranges: [0] })
  })

  test('is to read for ranges that are near each other together, the lowest first', () => {
    const state = withCheckpoints(
      owning(lease(0), lease(1), lease(3)),
      [0, 1, 3],
      stored([0, 500n], [1, 20_000n], [3, 100n]),
    )
    expect(nextStep(state, 0)).toEqual({
      kind: 'read',
      after: 100n,
      ranges: [0, 3],
      slots: [
        { from: 0, to: 63 },
        { from: 192, to: 255 },
      ],
    })
  })

  test('is to read from the lowest range on, in whatever order leases and positions come', () => {
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 2, 0],
    ]) {
      const state = withCheckpoints(
        owning(...order.map((range) => lease(range))),
        [0, 1, 2],
        stored([0, 50_000n], [1, 49_000n], [2, 49_500n]),
      )
      expect(nextStep(state, 0)).toEqual({
        kind: 'read',
        after: 49_000n,
        ranges: [0, 1, 2],
        slots: [{ from: 0, to: 191 }],
      })
    }
  })

  test('is to read every slot of the ranges read together, and no other', () => {
    const state = withCheckpoints(
      owning(lease(3), lease(1), lease(0)),
      [0, 1, 3],
      stored([0, 5n], [1, 5n], [3, 5n]),
    )
    expect(nextStep(state, 0)).toMatchObject({
      ranges: [0, 1, 3],
      slots: [
        { from: 0, to: 127 },
        { from: 192, to: 255 },
      ],
    })
  })

  test('leaves a range alone that is further ahead than ranges are read together', () => {
    const ahead = (by: bigint): WorkerState =>
      withCheckpoints(owning(lease(0), lease(1)), [0, 1], stored([0, 700n], [1, 700n + by]))
    expect(nextStep(ahead(nearPositions), 0)).toMatchObject({ after: 700n, ranges: [0, 1] })
    expect(nextStep(ahead(nearPositions + 1n), 0)).toMatchObject({ after: 700n, ranges: [0] })
  })

  test('starts at the beginning where there is no checkpoint', () => {
    const state = withCheckpoints(owning(lease(0)), [0], new Map())
    expect(nextStep(state, 0)).toMatchObject({ kind: 'read', after: 0n })
    expect(movesTo(state, [0], 7n)).toMatchObject([{ from: undefined, to: 7n, fence: 1n }])
  })
})

test('a range written under a higher fence belongs to another worker', () => {
  const state = withCheckpoints(
    owning(lease(0, 3n), lease(1, 3n)),
    [0, 1],
    stored([0, 5n, 4n], [1, 5n, 2n]),
  )
  expect([...state.ranges.keys()]).toEqual([1])
})

test('a range that was given up while the store was asked is not taken back', () => {
  const asked = owning(lease(0), lease(1))
  const left = withLeases(asked, [lease(0)], 1_000, false)
  for (const answer of [stored([0, 5n], [1, 5n]), new Map()])
    expect([...withCheckpoints(left, [0, 1], answer).ranges.keys()]).toEqual([0])
})

test('a range that was given up, or is in doubt, is neither moved nor passed', () => {
  const known = withCheckpoints(owning(lease(0), lease(1)), [0, 1], stored([0, 5n], [1, 5n]))
  const left = withLeases(known, [lease(0), lease(1, 2n)], 1_000, false)
  expect(movesTo(left, [0, 1, 2], 9n)).toEqual([
    { range: 0, slots: { from: 0, to: 63 }, fence: 1n, from: 5n, to: 9n },
  ])
  const after = withProgress(left, [0, 1, 2], 9n, true, true)
  expect([...after.ranges.keys()]).toEqual([0, 1])
  expect(after.ranges.get(1)?.known).toBeUndefined()
})

test('foreign events are passed without a write, and the next write moves over them', () => {
  let state = withCheckpoints(owning(lease(0), lease(1)), [0, 1], stored([0, 5n], [1, 9n]))
  state = withProgress(state, [0, 1], 8n, false, false)
  expect(state.ranges.get(0)?.known).toEqual({ checkpoint: 5n, scanned: 8n })
  expect(state.ranges.get(1)?.known).toEqual({ checkpoint: 9n, scanned: 9n })
  expect(movesTo(state, [0, 1], 8n)).toMatchObject([{ range: 0, from: 5n, to: 8n }])
  state = withProgress(state, [0, 1], 12n, true, true)
  expect(movesTo(state, [0, 1], 12n)).toEqual([])
  expect(state.ranges.get(0)?.known).toEqual({ checkpoint: 12n, scanned: 12n })
})

test('states cannot be confused', () => {
  const live = { ...withCheckpoints(owning(lease(0)), [0], stored([0, 0n])), atHead: true }
  const states: readonly [WorkerState, string][] = [
    [initialState, 'unowned'],
    [owning(lease(0)), 'not-started'],
    [withCheckpoints(owning(lease(0)), [0], new Map()), 'not-started'],
    [{ ...live, atHead: false }, 'catching-up'],
    [live, 'live'],
    [{ ...live, parkedKeys: 1 }, 'parked'],
    [{ ...live, rebuilding: true }, 'rebuilding'],
    [{ ...live, paused: true }, 'paused'],
    [{ ...live, failure: { code: 'X', message: 'x' } }, 'failed'],
  ]
  for (const [state, shown] of states) expect(shownState(state, 0)).toBe(shown)
  expect(shownState(live, 999)).toBe('live')
  expect(shownState(live, 1_000)).toBe('unowned')
})

test('a projection is live again only when it has read to the head under all that it holds now', () => {
  const known = withCheckpoints(owning(lease(0), lease(1)), [0, 1], stored([0, 5n], [1, 5n]))
  const shown = (state: WorkerState): string => shownState(state, 0)
  const live = withProgress(known, [0, 1], 5n, true, true)
  expect(shown(known)).toBe('catching-up')
  expect(shown(live)).toBe('live')
  expect(shown(withLeases(live, [lease(0), lease(1)], 2_000, false))).toBe('live')
  expect(shown(withLeases(known, [lease(0), lease(1)], 2_000, false))).toBe('catching-up')
  const taken = withLeases(live, [lease(0), lease(1), lease(2)], 2_000, false)
  expect(shown(taken)).toBe('catching-up')
  expect(shown(withCheckpoints(live, [0], stored([0, 5n])))).toBe('catching-up')
  const doubted = withDoubt(withProgress(live, [0], 6n, true, true))
  expect(shown(withCheckpoints(doubted, [0, 1], stored([0, 6n], [1, 6n])))).toBe('catching-up')
})

test('a version that has started somewhere is not shown as not started', () => {
  const state = withCheckpoints(owning(lease(0), lease(1)), [0, 1], stored([0, 5n]))
  expect(shownState(state, 0)).toBe('catching-up')
})

test('the position shown is that of the slowest range, and none while one has not started', () => {
  const state = withCheckpoints(
    owning(lease(0), lease(1), lease(2)),
    [0, 1, 2],
    stored([0, 7n], [1, 5n], [2, 9n]),
  )
  expect(lowestCheckpoint(state)).toBe(5n)
  expect(lowestCheckpoint(withProgress(state, [1], 30n, false, true))).toBe(7n)
  expect(lowestCheckpoint(withProgress(state, [1], 30n, false, false))).toBe(5n)
  expect(lowestCheckpoint(withCheckpoints(state, [1], new Map()))).toBeUndefined()
  expect(lowestCheckpoint(withDoubt(state))).toBeUndefined()
  expect(lowestCheckpoint(initialState)).toBeUndefined()
})
