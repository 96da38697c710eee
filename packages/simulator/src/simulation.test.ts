import { expect, test } from 'vitest'
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
  // What no world reaches is not tested.
  expect([...reached].toSorted()).toEqual(everyMark)
}, 240_000)

const everyMark = [
  'a backlog is sequenced in pages',
  'a command is sent again',
  'a gap is healed: hole',
  'a gap is healed: late',
  'a gap is healed: lost',
  'a gap is healed: silent',
  'a lease that ran out is taken over',
  'a new history begins',
  'a parked key is settled',
  'a read store goes back in time',
  'a relay notices that offsets are given again',
  'a stalled sequencer is made to leave',
  'a subscription brings nothing and does not end',
  'a subscription stands where a partition has nothing',
  'a timer was set anew while it was issued',
  'a token belongs to another history',
  'a topic is made anew',
  'a transaction of somebody else stays open',
  'a transaction stumbles between its id and its locks',
  'a transaction waits for a row',
  'a worker holds a range and does nothing',
  'a write is stuck halfway in its store',
  'an entry is undone to its savepoint',
  'another team begins anew with a new history',
  'another team notices a gap',
  'confirmed messages are gone',
  'messages of the bus: applied',
  'messages of the bus: duplicate',
  'messages of the bus: invalid',
  'messages of the bus: refused',
  'old messages of the bus are gone',
  'partitions are added',
  'several entries are written with savepoints',
  'somebody else saw first that a topic is another',
  'the database goes back in time',
  'the outcome of a commit is not known',
  'two sequencers are active',
]

test('faults can be left out by their numbers, and the rest stays a run of the same seed', async () => {
  const all = await runSeed(3)
  expect(all.faults.length).toBeGreaterThan(0)
  const none = await runSeed(3, { leftOut: new Set(Array.from({ length: 100_000 }, (_, n) => n)) })
  expect(none.faults).toEqual([])
  expect(failureOf(none)).toBeUndefined()
})
