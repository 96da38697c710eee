import { describe, expect, test } from 'vitest'
import {
  DropOnAcknowledge,
  overlayOf,
  simulate,
  type SimulationResult,
  type Strategy,
} from '../test/overlay-simulation.ts'
import { Overlay } from './overlay.ts'

const add = (n: number) => (total: number) => total + n

describe('the view', () => {
  test('is nothing before the first answer, and then the answer', () => {
    const overlay = new Overlay<number>()
    expect(overlay.view()).toBeUndefined()
    overlay.answered({ data: 1, position: 1n, asked: 1 })
    expect(overlay.view()).toEqual({ data: 1, position: 1n, pending: 0 })
  })

  test('shows a command at once, and takes it back when it is rejected', () => {
    const overlay = new Overlay<number>()
    overlay.answered({ data: 1, position: 1n, asked: 1 })
    const entry = overlay.issue(add(10))
    expect(overlay.view()).toEqual({ data: 11, position: 1n, pending: 1 })
    entry.rejected()
    expect(overlay.view()).toEqual({ data: 1, position: 1n, pending: 0 })
  })

  test('of a command that was sent before the first answer begins when an answer contains it', () => {
    const overlay = new Overlay<number>()
    const entry = overlay.issue(add(10))
    overlay.answered({ data: 11, position: 1n, asked: 1 })
    expect(overlay.view()).toBeUndefined()
    entry.committed(2)
    overlay.answered({ data: 11, position: 1n, asked: 3, contains: () => true })
    expect(overlay.view()).toMatchObject({ data: 11, pending: 0 })
  })

  test('ignores an answer that is older than what it has', () => {
    const overlay = new Overlay<number>()
    overlay.answered({ data: 2, position: 2n, asked: 2 })
    overlay.answered({ data: 1, position: 1n, asked: 1 })
    overlay.answered({ data: 3, position: 2n, asked: 1 })
    expect(overlay.view()!.data).toBe(2)
  })

  test('holds what a command was issued on until an answer is known to contain it', () => {
    const overlay = new Overlay<number>()
    overlay.answered({ data: 1, position: 1n, asked: 1 })
    const entry = overlay.issue(add(10))
    // It may contain the command or not: nobody knows.
    overlay.answered({ data: 11, position: 5n, asked: 2 })
    expect(overlay.view()).toEqual({ data: 11, position: 1n, pending: 1 })
    entry.committed(3)
    overlay.answered({ data: 12, position: 6n, asked: 4, contains: () => true })
    expect(overlay.view()).toEqual({ data: 12, position: 6n, pending: 0 })
    expect(overlay.entries).toHaveLength(0)
  })

  test('moves on under exact positions as soon as the position of a command is known', () => {
    const overlay = new Overlay<number>({ positions: 'exact' })
    overlay.answered({ data: 1, position: 1n, asked: 1 })
    overlay.issue(add(10)).committed(2, 7n)
    overlay.answered({ data: 2, position: 6n, asked: 3 })
    expect(overlay.view()).toEqual({ data: 12, position: 6n, pending: 1 })
    overlay.answered({ data: 12, position: 7n, asked: 4 })
    expect(overlay.view()).toEqual({ data: 12, position: 7n, pending: 0 })
  })
})

const all = (strategy: () => Strategy, ranges: number): SimulationResult => {
  const sum = { checks: 0, wrong: 0, left: 0 }
  for (let seed = 1; seed <= 600; seed++) {
    const { checks, wrong, left } = simulate({ seed, strategy, ranges })
    sum.checks += checks
    sum.wrong += wrong
    sum.left += left
  }
  return sum
}

describe('in a simulation of lag, answers out of order and rejections', () => {
  test('no view is wrong where positions say "at least"', () => {
    const { checks, wrong, left } = all(() => overlayOf('at-least'), 3)
    expect({ wrong, left }).toEqual({ wrong: 0, left: 0 })
    expect(checks).toBeGreaterThan(100_000)
  })

  test('no view is wrong where positions are exact', () => {
    const { checks, wrong, left } = all(() => overlayOf('exact'), 1)
    expect({ wrong, left }).toEqual({ wrong: 0, left: 0 })
    expect(checks).toBeGreaterThan(100_000)
  })

  // The simulation can see mistakes: these must fail.
  test('taking "at least" for exact shows wrong views', () => {
    expect(all(() => overlayOf('exact'), 3).wrong).toBeGreaterThan(1_000)
  })

  test('dropping a command when it is acknowledged shows wrong views', () => {
    expect(all(() => new DropOnAcknowledge(), 1).wrong).toBeGreaterThan(10_000)
  })
})
