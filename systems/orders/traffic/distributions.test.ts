import { expect, test } from 'vitest'
import {
  arrivalsInStep,
  arrivalsPerStep,
  basketLines,
  lineQuantity,
  popularProduct,
} from './distributions.ts'
import { Random } from './random.ts'

const draws = 50_000

function many(draw: (random: Random) => number): number[] {
  const random = new Random(7)
  return Array.from({ length: draws }, () => draw(random))
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length / 2]!
}

test('baskets have the measured shape: most small, a few large, all bounded', () => {
  const lines = many(basketLines)
  expect(median(lines)).toBe(3)
  expect(Math.min(...lines)).toBe(1)
  expect(Math.max(...lines)).toBe(40)
  const quantities = many(lineQuantity)
  expect(median(quantities)).toBe(1)
  expect(Math.max(...quantities)).toBe(50)
})

test('a tenth of the products has 45 % of the lines', () => {
  const popular = many((random) => popularProduct(random, 1_000)).filter((place) => place < 100)
  expect(popular.length / draws).toBeCloseTo(0.447, 1)
})

test('arrivals come in bursts, on average as many as measured', () => {
  const counts = many(arrivalsInStep)
  expect(counts.reduce((sum, count) => sum + count, 0) / draws).toBeCloseTo(arrivalsPerStep, 2)
  expect(Math.max(...counts)).toBeGreaterThanOrEqual(3)
})

test('the same seed makes the same traffic', () => {
  expect(new Random(1).uuid()).toBe(new Random(1).uuid())
  expect(new Random(1).uuid()).not.toBe(new Random(2).uuid())
  expect(new Random(3).uuid()).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  )
})
