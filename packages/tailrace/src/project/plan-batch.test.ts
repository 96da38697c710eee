import { expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection, rowsProjection } from '../index.ts'
import type { RecordedEvent } from '../ports/event-log.ts'
import { compileProjection } from './compiled-projection.ts'
import { planBatch, type BatchPlan, type KeySlots } from './plan-batch.ts'
import { RecentKeySlots } from './recent-key-slots.ts'

const N = z.object({ keys: z.unknown() })
const Noted = event('Noted', N)
const Grown = event('Grown', 2, N, { from1: (old) => old })

const byKeys = projection('by-keys', {
  version: 1,
  from: [Noted, Grown],
  document: z.object({}),
  key: (e) => {
    if (e.data.keys === 'throws') throw new Error('no key')
    if (e.data.keys === 'throws nothing') throw undefined
    return e.data.keys as string
  },
  otherwise: 'ignore',
  on: { Noted: () => ({}) },
})

let last = 0n
function recorded(keys: unknown, over: Partial<RecordedEvent> = {}): RecordedEvent {
  last++
  return {
    position: last,
    commandId: `c${last}`,
    ordinal: 2,
    type: 'Noted',
    schemaVersion: 1,
    data: { keys },
    aggregate: 'note',
    stream: 'n-1',
    version: 1,
    slot: 7,
    at: '2026-01-01T00:00:00.000Z',
    xid: '1',
    ...over,
  } as RecordedEvent
}

function planned(events: readonly RecordedEvent[], slots?: KeySlots): BatchPlan {
  return planBatch(compileProjection(byKeys), events, slots)
}

test('a batch knows the documents of each event in order, and each document once', () => {
  const plan = planned([recorded('b'), recorded(['a', 'b', 'a']), recorded('c'), recorded([])])
  expect(plan.keys).toEqual(['b', 'a', 'c'])
  expect(plan.events.map(({ keys }) => keys)).toEqual([['b'], ['a', 'b'], ['c'], []])
  expect(plan.events.map(({ failure }) => failure)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  const [first] = plan.events
  expect(first).toMatchObject({ type: 'Noted', eventId: `c${first!.position}/2` })
  expect(first!.envelope).toMatchObject({ data: { keys: 'b' }, stream: 'n-1' })
})

test('events without a handler are left out', () => {
  const plan = planned([recorded('a', { type: 'Grown' }), recorded('b', { type: 'Strange' })])
  expect(plan).toEqual({ events: [], keys: [] })
})

test('rows belong to their streams', () => {
  const rows = rowsProjection('rows', {
    version: 1,
    from: [Noted],
    row: z.object({}),
    on: { Noted: () => [] },
  })
  const plan = planBatch(compileProjection(rows), [recorded('a', { stream: 'n-9' })], undefined)
  expect(plan.keys).toEqual(['n-9'])
})

test.each<[string, unknown, string]>([
  ['throws', 'throws', 'no key'],
  ['throws nothing', 'throws nothing', 'thrown without a reason'],
  ['gives an empty key', '', 'expected a key of 1 to 512 characters, got 0 characters'],
  ['gives a key that is too long', 'x'.repeat(513), '1 to 512 characters, got 513 characters'],
  ['gives a list with something else', ['a', 5], 'expected a key of 1 to 512 characters, got 5'],
  ['gives neither a key nor a list', 5, 'to give a key or a list of keys at once, got a number'],
  ['gives a list with nothing', [null], 'expected a key of 1 to 512 characters, got null'],
])(
  'an event whose key function %s waits under its stream, and touches no document',
  (_, keys, why) => {
    const plan = planned([recorded(keys, { stream: 'n-5' }), recorded('z')])
    expect(plan.keys).toEqual(['z'])
    expect(plan.events[0]).toMatchObject({ keys: ['@stream:n-5'], streamKey: '@stream:n-5' })
    expect(plan.events[0]!.envelope).toBeUndefined()
    expect(String(plan.events[0]!.failure)).toContain(why)
  },
)

test('keys of 1 and of 512 characters are keys', () => {
  const longest = 'x'.repeat(512)
  expect(planned([recorded('k'), recorded(longest)]).keys).toEqual(['k', longest])
})

test('an event of a newer version than this code knows ends the batch: it is no failure of its key', () => {
  const future = recorded('a', { schemaVersion: 2 })
  expect(() => planned([recorded('a'), future])).toThrow(
    expect.objectContaining({ code: 'EVENT_FROM_THE_FUTURE' }),
  )
})

test('a document that two streams touch is refused, in one batch or in two', () => {
  const refusal = expect.objectContaining({
    code: 'PROJECTION_KEY_CROSSES_STREAMS',
    details: { projection: 'by-keys', key: 'shared', position: expect.any(String) },
    message: expect.stringContaining(
      'got key "shared" touched by note "n-2" and from another slot: by another stream,',
    ),
  })
  const slots = new RecentKeySlots(100)
  const mine = recorded('shared', { slot: 7 })
  const others = recorded(['own', 'shared'], { slot: 0, stream: 'n-2' })
  expect(() => planned([mine, others], slots)).toThrow(refusal)
  const later = new RecentKeySlots(100)
  expect(planned([mine, mine], later).keys).toEqual(['shared'])
  expect(() => planned([others], later)).toThrow(refusal)
})

test('where documents may mix streams, none is refused', () => {
  const plan = planned([recorded('shared', { slot: 7 }), recorded('shared', { slot: 0 })])
  expect(plan.keys).toEqual(['shared'])
})

test('an event whose keys cannot be told crosses no stream', () => {
  const slots = new RecentKeySlots(100)
  planned([recorded('throws', { slot: 7 }), recorded('throws', { slot: 0 })], slots)
  expect(slots.swap('@stream:n-1', 3)).toBeUndefined()
})
