import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucketOf, percentiles } from './histogram.ts'

const durations = fc.array(fc.integer({ min: 0, max: 400 * 86_400_000 }), {
  minLength: 1,
  maxLength: 200,
})

test('gives percentiles within 0.8 % of the exact ones', () => {
  fc.assert(
    fc.property(durations, fc.constantFrom(0.01, 0.5, 0.95, 1), (all, share) => {
      const histogram: Record<string, number> = {}
      for (const ms of all) histogram[bucketOf(ms)] = (histogram[bucketOf(ms)] ?? 0) + 1
      const exact = all.toSorted((a, b) => a - b)[Math.ceil(share * all.length) - 1]!
      const [found] = percentiles([histogram], [share])
      expect(Math.abs(found! - exact)).toBeLessThanOrEqual(Math.max(exact * 0.008, 0))
    }),
  )
})

test('adds histograms up', () => {
  expect(percentiles([{ 10: 1 }, { 20: 2, 10: 1 }], [0.5, 0.75])).toEqual([10, 20])
})

test('has no percentile of nothing', () => {
  expect(percentiles([], [0.5])).toEqual([null])
})

test('takes a negative duration for none', () => {
  expect(bucketOf(-5)).toBe('0')
})

test('keeps a year of durations in under 2,000 buckets', () => {
  const buckets = new Set<string>()
  for (let ms = 0; ms < 365 * 86_400_000; ms = Math.ceil(ms * 1.001) + 1) buckets.add(bucketOf(ms))
  expect(buckets.size).toBeLessThan(2_000)
})
