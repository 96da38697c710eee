import { expect, test } from 'vitest'
import { focuses } from '../world/focus.ts'
import { swarmOf } from '../world/swarm.ts'
import { SeedList } from './seed-list.ts'

test('gives the seeds of a range in their order, some at a time', () => {
  const list = new SeedList({ from: 5, to: 9 })
  expect([list.take(2), list.take(2), list.take(2), list.take(2)]).toEqual([
    [5, 6],
    [7, 8],
    [9],
    [],
  ])
})

test('gives only the seeds whose worlds are about one thing, and every world is about one', () => {
  const range = { from: 1, to: 2_000 }
  const found = focuses.map((focus) => new SeedList(range, focus).take(2_000))
  for (const [i, seeds] of found.entries()) {
    expect(seeds.length, focuses[i]).toBeGreaterThan(5)
    for (const seed of seeds) expect(swarmOf(seed).focus).toBe(focuses[i])
  }
  expect(found.flat().length).toBe(2_000)
})
