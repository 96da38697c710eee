import { MemoryLeases } from '@tailrace/conformance'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { turn } from '../../test/drive.ts'
import { event, projection } from '../index.ts'
import type { Lease, LeaseStore } from '../ports/leases.ts'
import { testClock, type TestClock } from '../testing/test-clock.ts'
import { LeaseKeeper, type Holding, type LeaseHolder } from './lease-keeper.ts'

const Noted = event('Noted', z.object({}))
const ttlMs = 1_000

function declared(name: string, scope: 'stream' | 'log' = 'stream') {
  return projection(name, {
    version: 1,
    from: [Noted],
    scope,
    document: z.object({}),
    key: (e) => e.stream,
    on: { Noted: () => ({}) },
  })
}

interface Kept extends LeaseHolder {
  holding: Holding | undefined
  readonly ranges: () => number[]
}

function holder(name: string, over: { scope?: 'log'; keeps?: (lease: Lease) => boolean } = {}) {
  const { scope, ...rest } = over
  const kept: Kept = {
    projection: declared(name, scope),
    holding: undefined,
    setLeases: (holding) => (kept.holding = holding),
    ranges: () => kept.holding!.leases.map(({ range }) => range).toSorted(),
    ...rest,
  }
  return kept
}

function keeper(
  leases: LeaseStore,
  clock: TestClock,
  owner: string,
  ...holders: readonly LeaseHolder[]
): LeaseKeeper {
  return new LeaseKeeper({ owner, leases, clock, holders, ranges: 4, ttlMs })
}

test('who is alone holds every range, until a tenth before the end that was asked for', async () => {
  const clock = testClock()
  clock.advance(5_000)
  const notes = holder('notes')
  const whole = holder('whole', { scope: 'log' })
  const plain = new MemoryLeases(clock)
  const timed: LeaseStore = {
    ensure: (...args) => plain.ensure(...args),
    list: () => plain.list(),
    release: (...args) => plain.release(...args),
    setPaused: (...args) => plain.setPaused(...args),
    claim: (claim) => {
      // The store may have counted from the moment of the question.
      clock.advance(40)
      return plain.claim(claim)
    },
  }
  await keeper(timed, clock, 'one', notes, whole).round()
  expect(notes.ranges()).toEqual([0, 1, 2, 3])
  expect(whole.ranges()).toEqual([0])
  expect(notes.holding).toMatchObject({ expiresAt: 5_900, paused: false })
  expect(notes.holding!.all.map(({ range }) => range)).toEqual([0, 1, 2, 3])
  expect(whole.holding!.leases[0]!.slots).toEqual({ from: 0, to: 255 })
})

test('workers come to equal shares without a leader, and each range has one of them', async () => {
  const clock = testClock()
  const leases = new MemoryLeases(clock)
  const [a, b] = [holder('notes'), holder('notes')]
  const [one, two] = [keeper(leases, clock, 'one', a), keeper(leases, clock, 'two', b)]
  for (let i = 0; i < 4; i++) {
    await one.round()
    await two.round()
    clock.advance(250)
  }
  expect([a.ranges().length, b.ranges().length]).toEqual([2, 2])
  expect([...a.ranges(), ...b.ranges()].toSorted()).toEqual([0, 1, 2, 3])
})

test('a range that must not be given up now is kept above the share, and given up later', async () => {
  const clock = testClock()
  const leases = new MemoryLeases(clock)
  const busy = { with: 0 as number | undefined }
  const a = holder('notes', { keeps: ({ range }) => range === busy.with })
  const b = holder('notes')
  const [one, two] = [keeper(leases, clock, 'one', a), keeper(leases, clock, 'two', b)]
  const rounds = async (): Promise<void> => {
    for (let i = 0; i < 4; i++) {
      await one.round()
      await two.round()
      clock.advance(250)
    }
  }
  await rounds()
  expect(a.ranges()).toContain(0)
  expect(b.ranges()).not.toContain(0)
  busy.with = undefined
  await rounds()
  expect([a.ranges().length, b.ranges().length]).toEqual([2, 2])
})

test('what is released others have at once, and who released it knows', async () => {
  const clock = testClock()
  const leases = new MemoryLeases(clock)
  const [a, b] = [holder('notes'), holder('notes')]
  const one = keeper(leases, clock, 'one', a)
  await one.round()
  const before = a.holding!.leases
  await one.release()
  expect(a.holding).toEqual({ leases: [], expiresAt: 0, paused: false, all: [] })
  await keeper(leases, clock, 'two', b).round()
  expect(b.ranges()).toEqual([0, 1, 2, 3])
  for (const { range, fence } of b.holding!.leases)
    expect(fence).toBeGreaterThan(before.find((lease) => lease.range === range)!.fence)
})

test('a store that fails while leases are released keeps nobody', async () => {
  const clock = testClock()
  const leases = new MemoryLeases(clock)
  const notes = holder('notes')
  const one = keeper(leases, clock, 'one', notes)
  await one.round()
  leases.release = () => Promise.reject(new Error('gone'))
  await one.release()
  expect(notes.ranges()).toEqual([])
})

test('leases that a restore took away are made again', async () => {
  const clock = testClock()
  let leases = new MemoryLeases(clock)
  const store: LeaseStore = {
    ensure: (...args) => leases.ensure(...args),
    list: () => leases.list(),
    release: (...args) => leases.release(...args),
    setPaused: (...args) => leases.setPaused(...args),
    claim: (claim) => leases.claim(claim),
  }
  const notes = holder('notes')
  const one = keeper(store, clock, 'one', notes)
  await one.round()
  leases = new MemoryLeases(clock)
  await one.round()
  expect(notes.ranges()).toEqual([])
  await one.round()
  expect(notes.ranges()).toEqual([0, 1, 2, 3])
})

test('a pause is told to those whom it concerns', async () => {
  const clock = testClock()
  const leases = new MemoryLeases(clock)
  const [notes, others] = [holder('notes'), holder('others')]
  const one = keeper(leases, clock, 'one', notes, others)
  await one.round()
  await leases.setPaused('notes', true)
  await one.round()
  expect([notes.holding!.paused, others.holding!.paused]).toEqual([true, false])
  expect(notes.holding!.all).toHaveLength(4)
  expect(others.ranges()).toEqual([0, 1, 2, 3])
})

test('after failures it goes on, renews in time, and says what is wrong for as long as it is', async () => {
  const clock = testClock()
  const leases = new MemoryLeases(clock)
  const list = leases.list.bind(leases)
  const notes = holder('notes')
  const one = keeper(leases, clock, 'one', notes)
  const running = one.run()
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 5) {
      clock.advance(5)
      await turn()
    }
  }
  await pass(20)
  expect(notes.ranges()).toEqual([0, 1, 2, 3])
  const { expiresAt } = notes.holding!
  leases.list = () => Promise.reject(new Error('gone'))
  await pass(400)
  expect(one.lastError).toBe('Error: gone')
  // What is held stays usable until it expires.
  expect(notes.holding!.expiresAt).toBeLessThan(expiresAt + 400)
  expect(notes.ranges()).toEqual([0, 1, 2, 3])
  leases.list = list
  await pass(ttlMs / 8)
  expect(one.lastError).toBeUndefined()
  const renewed = notes.holding!.expiresAt
  await pass(ttlMs / 4)
  expect(notes.holding!.expiresAt).toBeGreaterThan(renewed)
  one.stop()
  await running
  expect(clock.nextInMs()).toBeUndefined()
})
