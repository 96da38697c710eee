import { expect, test } from 'vitest'
import { slotRanges } from '../log/slot.ts'
import type { Checkpoint } from '../ports/read-store.ts'
import { appliedPosition, visiblePosition, type Ranges } from './visible-ranges.ts'

const ranges: Ranges = new Map(slotRanges(4).map((slots, range) => [range, slots]))

/** Ranges 0, 1, … at [applied, visible]; undefined: not started. */
function standing(...places: readonly (readonly [bigint, bigint] | undefined)[]) {
  return new Map(
    places.flatMap((place, range) => {
      if (place === undefined) return []
      const [position, visible] = place
      return [[range, { position, visible } as Checkpoint] as const]
    }),
  )
}

const each = standing([9n, 8n], [5n, 4n], [7n, 3n], [6n, 6n])

test('what is visible of all slots is what the slowest range shows; of applied ones, what it has applied', () => {
  expect(visiblePosition(ranges, each)).toBe(3n)
  expect(visiblePosition(ranges, each, [])).toBe(3n)
  expect(appliedPosition(ranges, each)).toBe(5n)
  expect(visiblePosition(ranges, standing([1n, 1n], [2n, 2n], [3n, 3n], [4n, 4n]))).toBe(1n)
  expect(visiblePosition(ranges, standing([4n, 4n], [3n, 3n], [2n, 2n], [1n, 1n]))).toBe(1n)
})

test.each<[readonly number[], bigint]>([
  [[0], 8n],
  [[63], 8n],
  [[64], 4n],
  [[127], 4n],
  [[128, 255], 3n],
  [[192], 6n],
  [[255, 0], 6n],
  [[0, 64, 255], 4n],
])('of slots %j, only their ranges count', (slots, visible) => {
  expect(visiblePosition(ranges, each, slots)).toBe(visible)
})

test('while a range has not started there is no position, for those whom it concerns', () => {
  const some = standing([9n, 8n], undefined, [7n, 3n], [6n, 6n])
  expect(visiblePosition(ranges, some)).toBeUndefined()
  expect(appliedPosition(ranges, some)).toBeUndefined()
  expect(visiblePosition(ranges, some, [70])).toBeUndefined()
  expect(visiblePosition(ranges, some, [0, 130])).toBe(3n)
})

test('ranges that nobody has made are no position', () => {
  expect(visiblePosition(new Map(), each)).toBeUndefined()
  expect(appliedPosition(new Map(), each)).toBeUndefined()
})
