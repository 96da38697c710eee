import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { decimal, pence, thousandths } from './thousandths.ts'

test('reads decimals exactly and writes them back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), (value) => {
      expect(thousandths(decimal(value))).toBe(value)
    }),
  )
})

test('writes at least two decimals, and a third only where there is one', () => {
  expect(decimal(10_655_622_484n)).toBe('10655622.484')
  expect(decimal(-896_812_490n)).toBe('-896812.49')
  expect(decimal(1n)).toBe('0.001')
  expect(decimal(0n)).toBe('0.00')
})

test('rounds to pence half away from zero', () => {
  expect(pence(1n)).toBe(0)
  expect(pence(5n)).toBe(1)
  expect(pence(-5n)).toBe(-1)
  expect(pence(-4n)).toBe(0)
  expect(pence(2_550n)).toBe(255)
})

test.each(['', '1,5', '1.2345', 'NaN', '1e3', ' 1', '--1'])(
  'does not take "%s" for a decimal',
  (text) => {
    expect(thousandths(text)).toBeUndefined()
  },
)
