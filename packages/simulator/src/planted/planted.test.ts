import { expect, test } from 'vitest'
import { runPlanted, type CaughtBug } from '../cli/run-planted.ts'
import { plantedBugs } from './all-bugs.ts'
import { knownSeeds } from './known-seeds.ts'
import { withBug } from './plant.ts'

test('each planted bug still fits its file, exactly once, and has a name of its own', () => {
  for (const bug of plantedBugs) expect(withBug(bug)).toContain(bug.replace)
  expect(new Set(plantedBugs.map(({ id }) => id)).size).toBe(plantedBugs.length)
  expect(plantedBugs.length).toBeGreaterThanOrEqual(40)
})

test('each seed that is known belongs to a planted bug', () => {
  const ids = new Set(plantedBugs.map(({ id }) => id))
  expect(Object.keys(knownSeeds).filter((id) => !ids.has(id))).toEqual([])
})

test('bugs are caught, one of each part', async () => {
  const only = [
    'acknowledged before the commit',
    'all settings of a timer have one key',
    'whatever comes is the next',
    'ranges read together repeat events',
    'the position is that of the fastest range',
    'a reader of the highest id',
  ]
  const caught: CaughtBug[] = []
  await runPlanted({
    from: 1,
    to: 200,
    processes: 2,
    only: new Set(only),
    onCaught: (one) => caught.push(one),
  })
  expect(caught.map(({ bug }) => bug).toSorted()).toEqual(only.toSorted())
  expect(caught.filter(({ caughtAtSeed }) => caughtAtSeed === null)).toEqual([])
}, 120_000)
