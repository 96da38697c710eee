import { expect, test } from 'vitest'
import { DocumentCache } from './document-cache.ts'

const at = (position: bigint) => ({ document: { at: position }, position })

test('what was written last is there, also that a document is absent', () => {
  const cache = new DocumentCache(10)
  expect(cache.has('a')).toBe(false)
  cache.set('a', at(1n))
  cache.set('a', at(2n))
  cache.set('b', undefined)
  expect(cache.get('a')).toEqual(at(2n))
  expect([cache.has('b'), cache.get('b')]).toEqual([true, undefined])
})

test('it is bounded: what was not used for longest goes first', () => {
  const cache = new DocumentCache(2)
  cache.set('a', at(1n))
  cache.set('b', at(2n))
  cache.get('a')
  cache.set('c', at(3n))
  expect(['a', 'b', 'c'].filter((key) => cache.has(key))).toEqual(['a', 'c'])
})

test('what is in doubt is forgotten, one document or all', () => {
  const cache = new DocumentCache(10)
  for (const key of ['a', 'b', 'c']) cache.set(key, at(1n))
  cache.delete('a')
  expect(['a', 'b', 'c'].filter((key) => cache.has(key))).toEqual(['b', 'c'])
  cache.clear()
  expect(['a', 'b', 'c'].filter((key) => cache.has(key))).toEqual([])
})

test('a cache of no documents keeps none', () => {
  const cache = new DocumentCache(0)
  cache.set('a', at(1n))
  expect(cache.has('a')).toBe(false)
})
