import { expect, test } from 'vitest'
import type { LeaseStatus } from '../ports/leases.ts'
import { projectionState, type StateInput } from './projection-state.ts'

function lease(over: Partial<LeaseStatus> = {}): LeaseStatus {
  return {
    projection: 'p',
    version: 1,
    range: 0,
    slots: { from: 0, to: 255 },
    fence: 1n,
    owner: 'w1',
    remainingMs: 9_000,
    paused: false,
    ...over,
  }
}

const ended = { failed: true, text: 'an event is from newer code' }

const live: StateInput = {
  leases: [lease()],
  live: 1,
  declared: 1,
  read: 1,
  started: true,
  behind: false,
  sloBroken: false,
  parkedKeys: 0,
  failure: undefined,
}

test.each<[string, Partial<StateInput>, string]>([
  ['caught up and owned', {}, 'live'],
  ['an empty log with its worker', { started: true, behind: false }, 'live'],
  ['never started', { leases: [], live: undefined, started: false }, 'not-started'],
  ['owned, nothing written yet', { started: false }, 'not-started'],
  ['leases that were never read', { leases: undefined, started: false }, 'not-started'],
  ['behind beyond its promise', { behind: true, sloBroken: true }, 'catching-up'],
  ['behind within its promise', { behind: true }, 'live'],
  ['a lease given up', { leases: [lease({ owner: undefined, remainingMs: 0 })] }, 'unowned'],
  [
    'one of two leases given up',
    { leases: [lease(), lease({ range: 1, owner: undefined, remainingMs: 0 })] },
    'unowned',
  ],
  ['a lease that ran out with nothing to do', { leases: [lease({ remainingMs: -1 })] }, 'unowned'],
  [
    'a lease that ran out while events wait',
    { leases: [lease({ remainingMs: -4_000 })], behind: true },
    'failed',
  ],
  [
    'paused',
    { leases: [lease({ paused: true, owner: undefined })], behind: true, sloBroken: true },
    'paused',
  ],
  ['an owner that cannot go on', { leases: [lease({ trouble: ended })] }, 'failed'],
  [
    'an owner that could not go on and is gone',
    { leases: [lease({ trouble: ended, remainingMs: -1 })] },
    'unowned',
  ],
  [
    'an owner that cannot go on and is told to pause',
    { leases: [lease({ trouble: ended, paused: true })] },
    'paused',
  ],
  [
    'an owner that waits for what is away',
    { leases: [lease({ trouble: { ...ended, failed: false } })] },
    'live',
  ],
  [
    'a version that cannot be built',
    { declared: 2, building: [lease({ version: 2, trouble: ended })] },
    'failed',
  ],
  ['a version being built beside', { declared: 2 }, 'rebuilding'],
  ['parked keys', { parkedKeys: 2 }, 'parked'],
  ['a read model that cannot be read', { failure: 'no answer' }, 'failed'],
])('%s reads as its own state', (_, over, state) => {
  expect(projectionState({ ...live, ...over }).state).toBe(state)
})

test('a dead worker is named with its slots and its silence', () => {
  const { reason } = projectionState({
    ...live,
    behind: true,
    leases: [lease({ remainingMs: -4_000, slots: { from: 64, to: 127 } })],
  })
  expect(reason).toMatch(/worker w1 .* slots 64–127 4 s ago/)
})

test('a paused projection says so for as long as a worker may still apply events', () => {
  const reasonOf = (over: Partial<LeaseStatus>): string | undefined =>
    projectionState({ ...live, leases: [lease({ paused: true, ...over })] }).reason
  expect(reasonOf({})).toBe('worker w1 has not let go of it yet')
  expect(reasonOf({ remainingMs: -1 })).toBeUndefined()
  expect(reasonOf({ owner: undefined, remainingMs: 0 })).toBeUndefined()
})

test('what keeps a worker from going on is said with its name, and with its version where queries read another', () => {
  const waits = lease({ trouble: { failed: false, text: 'the store does not answer' } })
  expect(projectionState({ ...live, leases: [lease({ range: 1 }), waits] }).reason).toBe(
    'worker w1: the store does not answer',
  )
  const building = [lease({ version: 2, trouble: ended })]
  expect(projectionState({ ...live, declared: 2, building }).reason).toBe(
    'worker w1 of version 2: an event is from newer code',
  )
})

test('a live version that this code cannot read is said to be read by others, not here', () => {
  const reasonOf = (over: Partial<StateInput>) => projectionState({ ...live, ...over }).reason
  expect(reasonOf({ declared: 2 })).toBe('version 2 is being built; queries read version 1')
  expect(reasonOf({ declared: 2, read: 2 })).toMatch(
    /^version 2 is being built; other releases read version 1, .* of this process read version 2$/,
  )
  expect(reasonOf({ live: 2, read: 2 })).toMatch(/^queries read version 2; version 2 is later/)
})
