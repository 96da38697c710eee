import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { findNotJsonSchema } from './not-json-schema.ts'
import { findNotJson } from './not-json.ts'

class Money {
  readonly cents = 1
}

test.each([
  [new Date(0), '', 'a Date'],
  [{ at: new Date(0) }, '/at', 'a Date'],
  [{ a: [{ m: new Map() }] }, '/a/0/m', 'a Map'],
  [{ s: new Set() }, '/s', 'a Set'],
  [{ 'a/b~': NaN }, '/a~1b~0', 'NaN'],
  [{ n: -Infinity }, '/n', '-Infinity'],
  [{ n: 1n }, '/n', 'a bigint'],
  [{ list: [1, undefined] }, '/list/1', 'undefined'],
  // oxlint-disable-next-line no-sparse-arrays -- A hole comes back as null.
  [{ list: [1, , 2] }, '/list/1', 'undefined'],
  [{ f: () => 1 }, '/f', 'a function'],
  [{ toJSON: () => 1 }, '/toJSON', 'a function'],
  [{ s: Symbol('s') }, '/s', 'a symbol'],
  [{ money: new Money() }, '/money', 'a Money'],
  [{ p: Promise.resolve(1) }, '/p', 'a Promise'],
  [{ s: Object('boxed') }, '/s', 'a String'],
  [undefined, '', 'undefined'],
])('%o comes back from JSON as something else', (value, pointer, got) => {
  expect(findNotJson(value)).toEqual({ pointer, got })
})

test('a value within itself has no JSON', () => {
  const loop: { next?: unknown } = {}
  loop.next = loop
  expect(findNotJson({ top: loop })).toEqual({
    pointer: expect.stringMatching(/^\/top\/next(\/next){0,20}\/…$/),
    got: 'nesting deeper than 1000, or a value within itself',
  })
})

test('what JSON holds passes, also of another realm, without a prototype, and with properties left out', () => {
  const plain = { a: [1.5, -0, 'x', null, true, { b: [] }], c: undefined, d: {} }
  expect(findNotJson(plain)).toBeUndefined()
  expect(findNotJson(Object.assign(Object.create(null), plain))).toBeUndefined()
  expect(findNotJson(runInNewContext('({ a: [{ b: 1 }] })'))).toBeUndefined()
})

test.each([
  ['/at', z.object({ at: z.date().optional() })],
  ['/at', z.object({ at: z.coerce.date() })],
  ['/a/*/n', z.object({ a: z.array(z.object({ n: z.bigint().nullable() })) })],
  ['/m', z.object({ m: z.map(z.string(), z.int()) })],
  ['/r/*', z.object({ r: z.record(z.string(), z.set(z.string())) })],
  ['/t/1', z.object({ t: z.tuple([z.string(), z.nan()]) })],
  ['/u', z.object({ u: z.union([z.string(), z.date()]) })],
  ['/items/at', z.object({ items: z.object({ at: z.date() }) })],
  [
    '/c',
    z.object({
      c: z.codec(z.iso.datetime(), z.date(), {
        decode: (text) => new Date(text),
        encode: (date) => date.toISOString(),
      }),
    }),
  ],
])('a schema says that %s is what JSON cannot hold', (pointer, schema) => {
  expect(findNotJsonSchema(schema)).toMatchObject({ pointer })
})

test('a schema that says nothing of the kind passes: values will tell', () => {
  interface Node {
    readonly of?: Node | undefined
  }
  const node: z.ZodType<Node> = z.object({ of: z.lazy(() => node).optional() })
  for (const schema of [
    z.object({ at: z.iso.datetime(), n: z.int(), any: z.any(), u: z.undefined() }),
    z.object({ n: z.string().transform(Number), d: z.date().transform((at) => at.toISOString()) }),
    z.object({ own: z.custom<object>() }),
    node,
    {
      '~standard': { version: 1, vendor: 'other', validate: (value: unknown) => ({ value }) },
    } as const,
  ])
    expect(findNotJsonSchema(schema)).toBeUndefined()
})
