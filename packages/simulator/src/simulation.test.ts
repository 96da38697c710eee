import { expect, test } from 'vitest'
import { everyMark } from './every-mark.ts'
import { failureOf } from './cli/seed-report.ts'
import { swarmOf } from './world/swarm.ts'
import { runSeed } from './world/run-seed.ts'

test('a seed does the same again, bit by bit, also when its history is kept', async () => {
  for (const seed of [1, 7, 30]) {
    const first = await runSeed(seed)
    const again = await runSeed(seed, { keepTrace: true })
    expect([again.hash, again.steps, again.virtualMs]).toEqual([
      first.hash,
      first.steps,
      first.virtualMs,
    ])
    expect(again.faults).toEqual(first.faults)
  }
})

test('another seed is another world', async () => {
  expect((await runSeed(1)).hash).not.toBe((await runSeed(2)).hash)
  expect(swarmOf(1)).not.toEqual(swarmOf(2))
})

test('nothing that must never be happens in three hundred worlds, and each comes to rest', async () => {
  const reached = new Set<string>()
  let faults = 0
  for (let seed = 1; seed <= 300; seed++) {
    const result = await runSeed(seed)
    expect(failureOf(result), `seed ${seed}`).toBeUndefined()
    for (const mark of Object.keys(result.marks)) reached.add(mark)
    faults += result.faults.length
  }
  expect(faults).toBeGreaterThan(1_000)
  // What no world reaches is not tested; the rarest places need thousands of worlds.
  const missed = everyMark.filter((mark) => !reached.has(mark))
  expect(missed.length, missed.join()).toBeLessThan(everyMark.length / 5)
}, 240_000)

test('faults can be left out by their numbers, and the rest stays a run of the same seed', async () => {
  const all = await runSeed(3)
  expect(all.faults.length).toBeGreaterThan(0)
  const none = await runSeed(3, { leftOut: new Set(Array.from({ length: 100_000 }, (_, n) => n)) })
  expect(none.faults).toEqual([])
  expect(failureOf(none)).toBeUndefined()
})
