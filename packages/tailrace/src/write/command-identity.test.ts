import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson } from './canonical-json.ts'
import { commandIdOfKey, derivedId, fingerprintOf } from './command-identity.ts'

test('canonical JSON is JSON, whatever the order of the keys', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value)!)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(canonicalJson(reversed(value))).toBe(canonicalJson(value))
    }),
  )
})

test('canonical JSON treats what JSON drops as JSON does', () => {
  const value = {
    b: undefined,
    a: [undefined, Number.NaN, -0],
    c: { toJSON: () => 'own' },
    d: new Date(0),
  }
  expect(canonicalJson(value)).toBe('{"a":[null,null,0],"c":"own","d":"1970-01-01T00:00:00.000Z"}')
  expect(canonicalJson(undefined)).toBeUndefined()
})

test('canonical JSON gives up on nesting that would risk the stack', () => {
  let deep: unknown = 1
  for (let i = 0; i < 200; i++) deep = [deep]
  expect(canonicalJson(deep)).toHaveLength(401)
  expect(canonicalJson([deep])).toBeUndefined()
})

test('a fingerprint tells names and inputs apart, not the order of keys', () => {
  expect(fingerprintOf('a', { x: 1, y: 2 })).toBe(fingerprintOf('a', { y: 2, x: 1 }))
  expect(fingerprintOf('a', { x: 1 })).not.toBe(fingerprintOf('b', { x: 1 }))
  expect(fingerprintOf('a', { x: 1 })).not.toBe(fingerprintOf('a', { x: '1' }))
  expect(fingerprintOf('a', { x: [1, 23] })).not.toBe(fingerprintOf('a', { x: [12, 3] }))
})

test('a key gives one uuid of version 8 per actor', () => {
  const id = commandIdOfKey({ role: 'customer', id: 'c-1' }, 'k')
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(commandIdOfKey({ role: 'customer', id: 'c-1' }, 'k')).toBe(id)
  const others = [
    commandIdOfKey({ role: 'customer', id: 'c-2' }, 'k'),
    commandIdOfKey({ role: 'seller', id: 'c-1' }, 'k'),
    commandIdOfKey({ role: 'customer', id: 'c-1' }, 'l'),
    commandIdOfKey(undefined, 'k'),
    commandIdOfKey({ role: 'customer","c', id: '1' }, 'k'),
  ]
  expect(new Set([id, ...others]).size).toBe(6)
})

test('the ids of a command are the same when it runs again', () => {
  expect(derivedId('c', 1)).toBe(derivedId('c', 1))
  expect(new Set([derivedId('c', 1), derivedId('c', 2), derivedId('d', 1)]).size).toBe(3)
})

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, item]) => [key, reversed(item)]),
  )
}
