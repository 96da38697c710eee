import { expect, test } from 'vitest'
import { readRig } from '../../test/read-rig.ts'
import { encodeToken } from './token.ts'

// Stores that show what is written after a step of its own.

async function rigThatShows() {
  const rig = await readRig()
  const shows = { asked: 0 }
  rig.store.shows = shows
  const tokenOf = (position: bigint): string =>
    encodeToken({ ...rig.log.identity, kind: 'position', value: position, slots: [] })
  const ask = (position: bigint) =>
    rig.read.query('note', { id: 'a' }, { tokens: [tokenOf(position)], waitMs: 2_000 })
  return { rig, shows, ask }
}

test('a store that shows later is asked to, as soon as somebody waits for what is written', async () => {
  const { rig, shows, ask } = await rigThatShows()
  rig.store.move(rig.log.record(3))
  await rig.pass(1_500)
  expect(shows.asked).toBe(0)
  const outcome = await rig.settled(ask(3n))
  expect(outcome).toMatchObject({ kind: 'answer', meta: { position: '3', stale: false } })
  expect(shows.asked).toBe(1)
  await rig.read.close()
})

test('it is asked a few times a second at most, however many wait', async () => {
  const { rig, shows, ask } = await rigThatShows()
  const head = rig.log.record(50)
  await rig.pass(1_500)
  const waiting = Promise.all(Array.from({ length: 50 }, (_, i) => ask(BigInt(i + 1))))
  for (let position = 1n; position <= head; position++) {
    rig.store.move(position)
    await rig.pass(20)
  }
  const outcomes = await rig.settled(waiting)
  expect(outcomes.every((one) => one.kind === 'answer' && one.meta.behindToken !== true)).toBe(true)
  expect(shows.asked).toBeGreaterThan(2)
  expect(shows.asked).toBeLessThanOrEqual(7)
  await rig.read.close()
})

test('nobody who waits for what is not written yet makes it show anything', async () => {
  const { rig, shows, ask } = await rigThatShows()
  rig.log.record(1)
  await rig.pass(1_500)
  await rig.settled(ask(1n))
  expect(shows.asked).toBe(0)
  await rig.read.close()
})
