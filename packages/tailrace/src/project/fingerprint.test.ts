import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalText, Fingerprint } from './fingerprint.ts'

test('the canonical text is equal exactly when the values are, whatever the order of their properties', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
      const turned = Object.fromEntries(Object.entries(object).toReversed())
      expect(canonicalText(turned)).toBe(canonicalText(object))
      expect(JSON.parse(canonicalText(object))).toEqual(JSON.parse(JSON.stringify(object)))
    }),
  )
  expect(canonicalText({ a: undefined, b: 1 })).toBe(canonicalText({ b: 1 }))
  expect(canonicalText({ a: null })).not.toBe(canonicalText({}))
})

test('a fingerprint depends on keys and documents, not on their order', () => {
  const of = (...entries: readonly (readonly [string, string])[]): string => {
    const fingerprint = new Fingerprint()
    for (const [key, text] of entries) fingerprint.add(key, text)
    return fingerprint.text
  }
  expect(of(['a', '1'], ['b', '2'])).toBe(of(['b', '2'], ['a', '1']))
  const others = [
    of(['a', '2'], ['b', '1']),
    of(['a', '1']),
    of(['a', '1'], ['b', '3']),
    of(['a', '1'], ['a', '1'], ['b', '2']),
    of(),
  ]
  expect(new Set([of(['a', '1'], ['b', '2']), ...others]).size).toBe(6)
})
