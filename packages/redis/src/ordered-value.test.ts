import {
  assert,
  boolean,
  constant,
  constantFrom,
  double,
  oneof,
  property,
  string,
} from 'fast-check'
import { expect, test } from 'vitest'
import { encodeValue, valueEnd, valueName } from './ordered-value.ts'

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

const numbers = double({ noNaN: true })

test('numbers compare by bytes as they do by size', () => {
  assert(
    property(numbers, numbers, (a, b) => {
      const order = Math.sign(byBytes(encodeValue('number', a), encodeValue('number', b)))
      expect(order).toBe(a === b ? 0 : a < b ? -1 : 1)
    }),
  )
})

test('texts compare by code points, also where one begins with the other or holds a NUL', () => {
  const texts = string({ unit: constantFrom('a', 'b', '\0', '\u0001', '\u0002', 'ä', '🫖') })
  assert(
    property(texts, texts, (a, b) => {
      expect(Math.sign(byBytes(encodeValue('text', a), encodeValue('text', b)))).toBe(
        Math.sign(byBytes(a, b)),
      )
    }),
  )
})

test('a value says where it ends, whatever follows, and facets name it as it was', () => {
  const values = oneof(string(), numbers, boolean(), constant(null))
  assert(
    property(values, string(), (value, rest) => {
      const encoded = encodeValue('any', value)
      expect(valueEnd(encoded + rest, 0)).toBe(encoded.length)
      const name = valueName(encoded)
      if (value === null) expect(name).toBeUndefined()
      else expect(name).toBe(String(value === 0 ? 0 : value))
    }),
  )
})

test('times compare as moments, and a uuid equals itself however it is written', () => {
  expect(encodeValue('time', '2026-01-01T05:00:00+02:00')).toBe(
    encodeValue('time', '2026-01-01T03:00:00.000Z'),
  )
  const id = '01890A5D-AC96-774B-BCCE-B302099A8057'
  expect(encodeValue('uuid', id)).toBe(encodeValue('uuid', id.toLowerCase()))
})

test('half a surrogate pair equals only itself', () => {
  const half = encodeValue('text', '\ud800')
  expect(half.isWellFormed()).toBe(true)
  expect(half).not.toBe(encodeValue('text', '\ufffd'))
  expect(half).not.toBe(encodeValue('text', '\udfff'))
})
