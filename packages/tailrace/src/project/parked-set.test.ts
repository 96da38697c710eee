import { expect, test } from 'vitest'
import type { ParkedKey, ProjectionStore } from '../ports/read-store.ts'
import { ParkedSet } from './parked-set.ts'

/** A store of which a test says what is parked. Notes which keys it is asked for; undefined: all. */
function parking(...keys: string[]) {
  const parked = new Set(keys)
  const asked: (readonly string[] | undefined)[] = []
  const store = {
    parked: async (wanted?: readonly string[], limit = Infinity) => {
      asked.push(wanted)
      const found = wanted === undefined ? [...parked] : wanted.filter((key) => parked.has(key))
      return found.slice(0, limit).map((key) => ({ key }) as ParkedKey)
    },
  } as Partial<ProjectionStore> as ProjectionStore
  return { store, parked, asked }
}

test('before the store was asked, nothing is known to be free', async () => {
  const { store } = parking('a')
  const set = new ParkedSet(store)
  expect(set.isEmpty).toBe(false)
  expect(await set.among(['a', 'b'])).toEqual(new Set(['a']))
})

test('without parked keys, no batch asks the store', async () => {
  const { store, asked } = parking()
  const set = new ParkedSet(store)
  await set.reload()
  expect(set.isEmpty).toBe(true)
  expect(await set.among(['a', 'b'])).toEqual(new Set())
  expect(asked).toEqual([undefined])
})

test('only keys that are remembered as parked are looked up, each once', async () => {
  const { store, asked } = parking('a', 'b')
  const set = new ParkedSet(store)
  await set.reload()
  expect(set.size).toBe(2)
  expect(set.isEmpty).toBe(false)
  expect(await set.among(['x', 'a', 'y', 'a'])).toEqual(new Set(['a']))
  expect(asked).toEqual([undefined, ['a']])
})

test('a key that somebody freed is not parked any more, and is forgotten', async () => {
  const { store, parked, asked } = parking('a', 'b')
  const set = new ParkedSet(store)
  await set.reload()
  parked.delete('a')
  expect(await set.among(['a', 'b'])).toEqual(new Set(['b']))
  expect(set.size).toBe(1)
  expect(await set.among(['a'])).toEqual(new Set())
  expect(asked).toEqual([undefined, ['a', 'b']])
})

test('keys parked since the last look are parked for the next batch', async () => {
  const { store, parked } = parking()
  const set = new ParkedSet(store)
  await set.reload()
  parked.add('a')
  set.add(['a'])
  expect(set.isEmpty).toBe(false)
  expect(await set.among(['a', 'b'])).toEqual(new Set(['a']))
})

test('more parked keys than are remembered: the store is asked for every batch, and none is missed', async () => {
  const all = Array.from({ length: 10_001 }, (_, i) => `k${i}`)
  const { store, asked } = parking(...all)
  const set = new ParkedSet(store)
  await set.reload()
  expect(await set.among(['x', 'k10000'])).toEqual(new Set(['k10000']))
  expect(asked.at(-1)).toEqual(['x', 'k10000'])
})

test('as many as are remembered are known without asking', async () => {
  const { store, asked } = parking(...Array.from({ length: 10_000 }, (_, i) => `k${i}`))
  const set = new ParkedSet(store)
  await set.reload()
  expect(await set.among(['x'])).toEqual(new Set())
  expect(asked).toEqual([undefined])
})

test('when keys are parked beyond what is remembered, those that others parked are not missed', async () => {
  const { store, parked, asked } = parking()
  const set = new ParkedSet(store)
  await set.reload()
  const remembered = Array.from({ length: 10_000 }, (_, i) => `k${i}`)
  set.add(remembered)
  expect(await set.among(['x'])).toEqual(new Set())
  expect(asked).toHaveLength(1)
  set.add(['one more'])
  parked.add('x')
  expect(await set.among(['x'])).toEqual(new Set(['x']))
})

test('another look takes what the store says now', async () => {
  const { store, parked } = parking('a', 'b')
  const set = new ParkedSet(store)
  await set.reload()
  parked.clear()
  parked.add('c')
  await set.reload()
  expect(set.size).toBe(1)
  expect(await set.among(['a', 'c'])).toEqual(new Set(['c']))
  parked.clear()
  await set.reload()
  expect(set.isEmpty).toBe(true)
})
