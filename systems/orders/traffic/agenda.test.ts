import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Agenda } from './agenda.ts'

test('hands out what is due, the earliest first, and keeps the rest', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000)), fc.nat(1_000), (times, now) => {
      const agenda = new Agenda<{ at: number }>(10_000)
      agenda.add(times.map((at) => ({ at })))
      expect(agenda.due(now).map(({ at }) => at)).toEqual(
        times.filter((at) => at <= now).toSorted((a, b) => a - b),
      )
      expect(agenda.due(1_000).map(({ at }) => at)).toEqual(
        times.filter((at) => at > now).toSorted((a, b) => a - b),
      )
      expect(agenda.size).toBe(0)
    }),
  )
})

test('takes all of what is added, or nothing when it is full', () => {
  const agenda = new Agenda<{ at: number }>(2)
  expect(agenda.add([{ at: 1 }])).toBe(true)
  expect(agenda.add([{ at: 2 }, { at: 3 }])).toBe(false)
  expect(agenda.size).toBe(1)
})
