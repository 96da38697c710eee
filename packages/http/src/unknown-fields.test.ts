import { expect, test } from 'vitest'
import { z } from 'zod'
import { jsonSchemaOf, type AnySchema } from 'tailrace/adapter'
import { unknownFields } from './unknown-fields.ts'

const places = (schema: AnySchema, value: unknown): string[] =>
  unknownFields(jsonSchemaOf(schema, 'input')!, value).map(({ pointer }) => pointer)

test('fields that an object does not name are found wherever they stand', () => {
  const schema = z.object({
    a: z.int(),
    list: z.array(z.object({ b: z.int() })),
    pair: z.tuple([z.object({ c: z.int() }), z.int()]),
  })
  const value = { a: 1, x: 1, list: [{ b: 1 }, { b: 1, y: 1 }], pair: [{ c: 1, 'z/1': 1 }, 2] }
  expect(places(schema, value)).toEqual(['/x', '/list/1/y', '/pair/0/z~11'])
})

test('loose objects and records take any field', () => {
  expect(places(z.looseObject({ a: z.int() }), { a: 1, x: 1 })).toEqual([])
  expect(places(z.record(z.string(), z.object({ a: z.int() })), { k: { a: 1, x: 1 } })).toEqual([
    '/k/x',
  ])
  expect(places(z.any(), { x: 1 })).toEqual([])
  expect(places(z.object({}), { x: 1 })).toEqual(['/x'])
})

test('a catchall says what other fields are', () => {
  expect(
    places(z.object({ a: z.int() }).catchall(z.object({ b: z.int() })), {
      a: 1,
      x: { b: 1, c: 1 },
    }),
  ).toEqual(['/x/c'])
})

test('a union is judged by the branch that fits', () => {
  const schema = z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('card'), number: z.string() }),
    z.object({ kind: z.literal('voucher'), code: z.string() }),
  ])
  expect(places(schema, { kind: 'voucher', code: 'x' })).toEqual([])
  expect(places(schema, { kind: 'voucher', code: 'x', number: '1' })).toEqual(['/number'])
  expect(
    places(z.union([z.string(), z.object({ a: z.int() }), z.array(z.object({ b: z.int() }))]), [
      { b: 1, c: 1 },
    ]),
  ).toEqual(['/0/c'])
  expect(places(z.object({ a: z.int() }).nullable(), { a: 1, b: 1 })).toEqual(['/b'])
})

test('an intersection has the fields of all its parts', () => {
  expect(
    places(z.intersection(z.object({ a: z.int() }), z.object({ b: z.int() })), {
      a: 1,
      b: 1,
      c: 1,
    }),
  ).toEqual(['/c'])
})

test('a recursive schema is followed as deep as the value goes', () => {
  const Node = z.object({
    name: z.string(),
    get children() {
      return z.array(Node).optional()
    },
  })
  expect(
    places(Node, { name: 'a', children: [{ name: 'b', children: [{ name: 'c', x: 1 }] }] }),
  ).toEqual(['/children/0/children/0/x'])
})

test('optional and defaulted fields are known', () => {
  expect(
    places(
      z.object({ a: z.int().optional(), b: z.int().default(1), c: z.coerce.number().optional() }),
      { a: 1, b: 1, c: 1 },
    ),
  ).toEqual([])
})
