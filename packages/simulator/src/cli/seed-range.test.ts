import { expect, test } from 'vitest'
import { seedRange } from './seed-range.ts'

test('takes one seed, or the seeds from the first to the last', () => {
  expect(seedRange('7')).toEqual({ from: 7, to: 7 })
  expect(seedRange('3..5')).toEqual({ from: 3, to: 5 })
})

test.each(['5..3', '', 'x', '1..', '1-3', '1..99999999999999999999'])(
  'takes %j for no range, rather than for one without seeds in which nothing fails',
  (text) => {
    expect(seedRange(text)).toBeUndefined()
  },
)
