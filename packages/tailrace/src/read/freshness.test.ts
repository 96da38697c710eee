import { expect, test } from 'vitest'
import { readRig } from '../../test/read-rig.ts'
import { slotRanges } from '../log/slot.ts'

async function status(rig: Awaited<ReturnType<typeof readRig>>) {
  return (await rig.read.status()).projections['notes']!
}

test('a projection that keeps up is live and without lag', async () => {
  const rig = await readRig()
  rig.store.move(rig.log.record(3))
  await rig.pass(1_500)
  expect(await status(rig)).toMatchObject({
    state: 'live',
    position: '3',
    lagMs: 0,
    lagEvents: 0,
    owners: ['worker-1'],
    sloBroken: false,
  })
  await rig.read.close()
})

test('lag is the age of the oldest event that is not visible, and grows while it is not', async () => {
  const rig = await readRig()
  rig.log.record(1)
  await rig.pass(1_000)
  rig.log.record(1)
  await rig.pass(1_000)
  expect(await status(rig)).toMatchObject({
    state: 'catching-up',
    lagMs: 2_000,
    lagEvents: 2,
    sloBroken: true,
    lagParts: { sequenced: 0, applied: 2_000, visible: 0 },
  })
  rig.store.move(1n)
  await rig.pass(300)
  expect(await status(rig)).toMatchObject({ lagMs: 1_300, lagEvents: 1 })
  rig.store.move(2n)
  await rig.pass(300)
  expect(await status(rig)).toMatchObject({ state: 'live', lagMs: 0, lagEvents: 0 })
  await rig.read.close()
})

test('a log that is slow to tell how it stands is asked less often, and not much less', async () => {
  const rig = await readRig()
  rig.log.commit()
  await rig.pass(2_000)
  const quick = rig.log.asked.head
  rig.log.headTakesMs = 50
  await rig.pass(2_000)
  expect(rig.log.asked.head - quick).toBeLessThan(6)
  rig.log.headTakesMs = 1_000
  await rig.pass(2_000)
  const slow = rig.log.asked.head
  await rig.pass(6_000)
  expect(rig.log.asked.head - slow).toBeGreaterThan(1)
  expect(quick).toBeGreaterThan(10)
  await rig.read.close()
})

test('a commit that the sequencer does not take counts as lag of its own part', async () => {
  const rig = await readRig()
  rig.log.commit()
  await rig.pass(2_000)
  expect(await status(rig)).toMatchObject({
    lagMs: 2_000,
    lagParts: { sequenced: 2_000, applied: 0, visible: 0 },
  })
  rig.log.sequence()
  rig.store.move(1n)
  await rig.pass(300)
  expect(await status(rig)).toMatchObject({ lagMs: 0, state: 'live' })
  await rig.read.close()
})

test('the slowest slot range decides, and only for queries that concern it', async () => {
  const rig = await readRig()
  rig.log.record(9)
  rig.store.move(9n, [0, 1, 2])
  rig.store.move(4n, [3])
  await rig.pass(1_200)
  expect(await status(rig)).toMatchObject({ position: '4', lagEvents: 5 })
  await rig.read.close()
})

test.each(['down', 'hung'] as const)(
  'a log that is %s makes the lag grow, and what was known stays',
  async (mood) => {
    const rig = await readRig()
    rig.store.move(rig.log.record(3))
    await rig.pass(1_500)
    rig.log.mood = mood
    await rig.pass(60_000)
    const shown = await rig.read.status()
    expect(shown.head).toMatchObject({ position: '3', sequencer: 'unknown' })
    expect(shown.projections['notes']).toMatchObject({
      position: '3',
      state: 'catching-up',
      sloBroken: true,
      owners: ['worker-1'],
    })
    expect(shown.projections['notes']!.lagMs).toBeGreaterThan(58_000)
    expect(shown.projections['notes']!.lagMs).toBeLessThanOrEqual(61_000)
    rig.log.mood = 'up'
    // Questions that hang are given up for lost after 30 s.
    await rig.pass(mood === 'down' ? 3_000 : 32_000)
    expect(await status(rig)).toMatchObject({ state: 'live', lagMs: 0 })
    await rig.read.close()
  },
)

test('a hung log is asked a bounded number of times', async () => {
  const rig = await readRig()
  rig.log.mood = 'hung'
  const before = rig.log.asked.head
  await rig.pass(120_000)
  expect(rig.log.asked.head - before).toBeLessThanOrEqual(15)
  await rig.read.close()
})

test('an empty log, a range given up, a dead worker and a pause read differently', async () => {
  const rig = await readRig()
  await rig.pass(1_200)
  expect((await status(rig)).state).toBe('live')
  const mine = (await rig.leases.list()).filter(({ range }) => range === 2)
  await rig.leases.release('worker-1', mine)
  await rig.pass(1_200)
  expect(await status(rig)).toMatchObject({
    state: 'unowned',
    lastError: expect.stringContaining('slots 128–191'),
  })
  rig.log.record(1)
  rig.leases.bar('worker-1')
  await rig.pass(1_200)
  expect(await status(rig)).toMatchObject({
    state: 'failed',
    lastError: expect.stringContaining('worker-1 stopped renewing'),
  })
  await rig.leases.setPaused('notes', true)
  await rig.pass(1_200)
  expect((await status(rig)).state).toBe('paused')
  await rig.read.close()
})

test('a version that never started is not at position 0', async () => {
  const rig = await readRig()
  rig.store.checkpoints.clear()
  rig.store.live = undefined
  await rig.pass(1_200)
  expect((await status(rig)).state).toBe('not-started')
  rig.store.move(0n)
  rig.store.live = 1
  await rig.pass(1_200)
  expect((await status(rig)).state).toBe('live')
  await rig.read.close()
})

test('readers follow a switch to another version', async () => {
  const rig = await readRig({ declaredVersion: 2 })
  rig.log.record(5)
  rig.store.move(5n)
  await rig.pass(1_200)
  expect(await status(rig)).toMatchObject({ state: 'rebuilding', version: 1 })
  await rig.leases.ensure('notes', 2, slotRanges(4))
  await rig.leases.claim({
    owner: 'worker-1',
    ttlMs: 3_600_000,
    projections: [{ projection: 'notes', version: 2, max: 4 }],
  })
  rig.store.live = 2
  await rig.pass(2_500)
  expect(await status(rig)).toMatchObject({ state: 'live', version: 2 })
  await rig.read.close()
})

test('a store that does not answer fails its projection, and says so', async () => {
  const rig = await readRig()
  await rig.pass(300)
  rig.store.mood = 'down'
  await rig.pass(600)
  expect(await status(rig)).toMatchObject({ state: 'failed', lastError: 'store refused' })
  rig.store.mood = 'up'
  await rig.pass(600)
  expect((await status(rig)).state).toBe('live')
  await rig.read.close()
})

test('a read model of a lost history is said to hold it', async () => {
  const rig = await readRig()
  rig.store.history = '00000000000000bb/1'
  rig.store.move(7n)
  await rig.pass(1_200)
  expect(await status(rig)).toMatchObject({
    state: 'failed',
    lastError: expect.stringContaining('unknown history 00000000000000bb/1'),
  })
  await rig.read.close()
})

test('what a worker of this process writes is visible without a look, and is told to listeners', async () => {
  const rig = await readRig()
  const told: bigint[] = []
  const stop = rig.read.onAdvance((projection, position) =>
    projection === 'notes' ? told.push(position) : 0,
  )
  const asked = rig.store.asked
  const moves = slotRanges(4).map((slots, range) => ({ range, slots, fence: 1n, from: 0n, to: 8n }))
  rig.read.applied('notes', 1, moves)
  expect(await status(rig)).toMatchObject({ position: '8' })
  expect(told).toEqual([8n])
  expect(rig.store.asked).toBe(asked)
  stop()
  rig.read.applied(
    'notes',
    1,
    moves.map((move) => ({ ...move, to: 9n })),
  )
  expect(told).toEqual([8n])
  await rig.read.close()
})

test('an idle process looks rarely, one that is asked looks often', async () => {
  const rig = await readRig()
  await rig.pass(3_000)
  const idle = rig.log.asked.head
  await rig.pass(10_000)
  expect(rig.log.asked.head - idle).toBeLessThanOrEqual(11)
  const before = rig.log.asked.head
  for (let i = 0; i < 10; i++) {
    await rig.read.query('note', { id: 'a' })
    await rig.pass(100)
  }
  expect(rig.log.asked.head - before).toBeGreaterThanOrEqual(8)
  await rig.read.close()
})

test('closing ends every loop', async () => {
  const rig = await readRig()
  await rig.pass(500)
  await rig.read.close()
  expect(rig.clock.nextInMs()).toBeUndefined()
})
