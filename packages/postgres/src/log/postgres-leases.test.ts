import { slotRanges, type LeaseStore, type Trouble } from 'tailrace/adapter'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { freshLog, type TestLog } from '../../../../test/support/event-log.ts'
import { postgresLeases } from './postgres-leases.ts'

let log: TestLog
let leases: LeaseStore

beforeAll(async () => {
  log = await freshLog()
  leases = postgresLeases({ pool: log.pool })
})

beforeEach(async () => {
  await log.reset()
  await leases.ensure('p', 1, slotRanges(4))
})

afterAll(() => log.drop())

const claim = (owner: string, max: number, ttlMs = 60_000, version = 1) =>
  leases.claim({ owner, ttlMs, projections: [{ projection: 'p', version, max }] })

/** Time is the database's only: a lease expires when its row says so. */
async function expire(owner: string): Promise<void> {
  await log.pool.query(
    `update tailrace.lease set until = clock_timestamp() - interval '1 ms' where owner = $1`,
    [owner],
  )
}

test('gives each range to one owner at a time, and says which slots it has', async () => {
  const one = await claim('one', 2)
  const two = await claim('two', 10)
  expect([one.length, two.length]).toEqual([2, 2])
  const all = [...one, ...two].toSorted((a, b) => a.range - b.range)
  expect(all.map((lease) => lease.range)).toEqual([0, 1, 2, 3])
  expect(all.map((lease) => lease.slots)).toEqual(slotRanges(4))
  expect(await claim('three', 4)).toEqual([])
})

test('renews what the owner holds besides taking more, under the same fence', async () => {
  const [first] = await claim('one', 1, 1_000)
  const again = await claim('one', 1)
  expect(again).toHaveLength(2)
  expect(again).toContainEqual(first)
  const none = await claim('one', 0)
  expect(none).toHaveLength(2)
  const [status] = (await leases.list()).filter((lease) => lease.owner === 'one')
  expect(status!.remainingMs).toBeGreaterThan(1_000)
})

test('hands an expired lease to the next owner under a higher fence', async () => {
  const before = await claim('stopped', 4)
  await expire('stopped')
  const after = await claim('next', 4)
  expect(after).toHaveLength(4)
  for (const lease of after) {
    expect(lease.fence).toBeGreaterThan(before.find(({ range }) => range === lease.range)!.fence)
  }
  expect(await claim('stopped', 4)).toEqual([])
})

test('in a later history of the log, fences are higher than any of an earlier one, also of leases that are held', async () => {
  const [before] = await claim('one', 1)
  const begins = (epoch: number) =>
    log.pool.query(
      `insert into tailrace.log_epoch (epoch, system_id, timeline, last_position, first_position)
       values ($1, 'id', '1', 0, $1 * 1000000)`,
      [epoch],
    )
  await begins(1)
  expect((await claim('one', 0))[0]).toEqual(before)
  // A restore: whatever was handed out between the copy and the restore is forgotten, and may be stored with a checkpoint.
  await begins(2)
  const [held] = await claim('one', 0)
  expect(held).toMatchObject({ range: before!.range, fence: 2n ** 40n + 1n })
  expect((await claim('one', 0))[0]).toEqual(held)
  const taken = await claim('two', 1)
  expect(taken[0]!.fence).toBe(2n ** 40n + 1n)
  await expire('two')
  const again = (await claim('three', 4)).find(({ range }) => range === taken[0]!.range)
  expect(again!.fence).toBe(2n ** 40n + 2n)
})

test('a released lease is free at once, and only its holder can release it', async () => {
  const mine = await claim('one', 4)
  await leases.release('another', mine)
  expect(await claim('two', 4)).toEqual([])
  await leases.release('one', mine)
  const taken = await claim('two', 4)
  expect(taken).toHaveLength(4)
  await leases.release('one', mine)
  expect((await leases.list()).map((lease) => lease.owner)).toEqual(['two', 'two', 'two', 'two'])
})

test('a paused projection is handed to nobody, not even to its holder', async () => {
  await claim('one', 2)
  await leases.setPaused('p', true)
  expect(await claim('one', 4)).toEqual([])
  await leases.ensure('p', 2, slotRanges(2))
  expect(await claim('two', 4, 60_000, 2)).toEqual([])
  expect((await leases.list()).every((lease) => lease.paused)).toBe(true)
  await leases.setPaused('p', false)
  expect(await claim('one', 4)).toHaveLength(4)
})

test('ranges of a version never change', async () => {
  await claim('one', 1)
  await leases.ensure('p', 1, slotRanges(4))
  const list = await leases.list()
  expect(list.map(({ range, owner, fence }) => ({ range, owner, fence }))).toEqual([
    { range: 0, owner: 'one', fence: 1n },
    { range: 1, owner: undefined, fence: 0n },
    { range: 2, owner: undefined, fence: 0n },
    { range: 3, owner: undefined, fence: 0n },
  ])
})

test('many workers that claim at the same moment share without overlap or deadlock', async () => {
  await leases.ensure('q', 1, slotRanges(16))
  const projections = [
    { projection: 'q', version: 1, max: 2 },
    { projection: 'p', version: 1, max: 1 },
  ]
  const held = new Map<string, string>()
  for (let round = 0; round < 10; round++) {
    held.clear()
    const owners = Array.from({ length: 8 }, (_, i) => `worker ${i}`)
    const claims = await Promise.all(
      owners.map((owner, i) =>
        leases.claim({
          owner,
          ttlMs: 60_000,
          projections: i % 2 === 0 ? projections : projections.toReversed(),
        }),
      ),
    )
    for (const [i, list] of claims.entries()) {
      for (const { projection, range } of list) {
        expect(held.get(`${projection}/${range}`)).toBeUndefined()
        held.set(`${projection}/${range}`, owners[i]!)
      }
    }
    await Promise.all([
      expire('worker 1'),
      expire('worker 4'),
      leases.setPaused('p', round % 3 === 0),
    ])
  }
  expect(held.size).toBeGreaterThanOrEqual(16)
})

test('an owner says with each renewal what keeps it from going on, and nobody says it for the next one', async () => {
  const say = (owner: string, trouble?: Trouble) =>
    leases.claim({
      owner,
      ttlMs: 60_000,
      projections: [{ projection: 'p', version: 1, max: 2, trouble }],
    })
  const troubles = async () =>
    (await leases.list()).map(({ owner, trouble }) => [
      owner,
      trouble?.failed,
      trouble?.text.length,
    ])
  await say('one', { failed: true, text: 'x'.repeat(5_000) })
  await say('two', { failed: false, text: 'waits' })
  expect(await troubles()).toEqual([
    ['one', true, 2_000],
    ['one', true, 2_000],
    ['two', false, 5],
    ['two', false, 5],
  ])
  const held = await say('one')
  await expire('two')
  // As older code does, which renews and takes without a word.
  await log.pool.query(`update tailrace.lease set owner = 'old' where owner = 'two'`)
  expect(await troubles()).toEqual([
    ['one', undefined, undefined],
    ['one', undefined, undefined],
    ['old', undefined, undefined],
    ['old', undefined, undefined],
  ])
  await say('one', { failed: true, text: 'again' })
  await leases.release('one', held)
  expect((await troubles()).slice(0, 2)).toEqual([
    [undefined, undefined, undefined],
    [undefined, undefined, undefined],
  ])
})
