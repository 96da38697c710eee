import { expect, test } from 'vitest'
import { RecentKeySlots } from './recent-key-slots.ts'

test('the slot of the first touch is remembered, whoever touches the key next', () => {
  const slots = new RecentKeySlots(100)
  expect(slots.swap('a', 7)).toBeUndefined()
  expect(slots.swap('a', 7)).toBe(7)
  expect(slots.swap('b', 0)).toBeUndefined()
  expect(slots.swap('b', 3)).toBe(0)
  expect(slots.swap('a', 9)).toBe(7)
})

test('a key that is touched now and then is not forgotten for others', () => {
  const slots = new RecentKeySlots(10)
  slots.swap('mine', 7)
  for (let i = 0; i < 1_000; i++) {
    slots.swap(`other ${i}`, i % 256)
    if (i % 8 === 7) expect(slots.swap('mine', 7)).toBe(7)
  }
})

test('at least the latest keys are remembered, and no more than twice as many', () => {
  const slots = new RecentKeySlots(10)
  for (let i = 0; i < 100; i++) slots.swap(`k${i}`, i)
  const isKnown = (i: number): boolean => slots.swap(`k${i}`, i) !== undefined
  expect(isKnown(99)).toBe(true)
  expect(isKnown(91)).toBe(true)
  expect(isKnown(79)).toBe(false)
})
