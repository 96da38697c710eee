import { expect, test } from 'vitest'
import { documentProperties, type ValueForms } from './document-properties.ts'
import type { AnyProjectionDef } from './projection.ts'

function said(schema: object): Readonly<Record<string, string>> {
  const output = (): object => schema
  const standard = { version: 1, vendor: 'test', validate: output, jsonSchema: { output } }
  const found = documentProperties({
    schema: { '~standard': standard },
  } as never as AnyProjectionDef)
  return Object.fromEntries(
    [...found!].map(([name, one]) => [name, `${formsOf(one)}${one.optional ? ', optional' : ''}`]),
  )
}

function formsOf({ forms, nullable }: ValueForms): string {
  const texts = forms.map(({ type, schema, item }) => {
    const format = schema['format'] === undefined ? '' : `:${String(schema['format'])}`
    return `${type ?? 'any'}${format}${item ? `<${formsOf(item)}>` : ''}`
  })
  return `${texts.join('|')}${nullable ? ' or null' : ''}`
}

const text = { type: 'string' }
const id = { type: 'string', format: 'uuid' }

test.for<[string, object, Readonly<Record<string, string>>]>([
  [
    'values have the types that their schema names',
    {
      properties: { a: text, b: { type: ['integer', 'null'] }, c: { enum: ['x', 1] }, d: {} },
      required: ['a', 'c', 'd'],
    },
    { a: 'string', b: 'integer or null, optional', c: 'string|number', d: 'any' },
  ],
  [
    'a value of several variants has the forms of each',
    {
      properties: { a: { anyOf: [id, { oneOf: [text, { type: 'null' }] }] }, b: { type: 'null' } },
      required: ['a', 'b'],
    },
    { a: 'string:uuid|string or null', b: 'any or null' },
  ],
  [
    'a list says what its elements are',
    {
      properties: {
        a: { type: 'array', items: { anyOf: [text, { type: 'null' }] } },
        b: { type: 'array' },
      },
    },
    { a: 'array<string or null>, optional', b: 'array, optional' },
  ],
  [
    'a property that some variants lack is optional',
    {
      oneOf: [
        { properties: { kind: text, a: text }, required: ['kind', 'a'] },
        { properties: { kind: text, b: { type: ['string', 'null'] } }, required: ['kind', 'b'] },
      ],
    },
    { kind: 'string|string', a: 'string, optional', b: 'string or null, optional' },
  ],
  [
    'what holds beside variants is of every document',
    {
      allOf: [{ properties: { a: text, b: text }, required: ['a', 'b'] }],
      anyOf: [{ properties: { c: text }, required: ['c'] }, {}],
      properties: { b: id },
      required: ['b'],
    },
    { a: 'string', b: 'string:uuid', c: 'string, optional' },
  ],
  [
    'a schema is followed to where it refers',
    {
      $ref: '#/$defs/Node',
      $defs: {
        Node: {
          properties: { name: { $ref: '#/$defs/Name' }, next: { $ref: '#/$defs/Node' } },
          required: ['name', 'next'],
        },
        Name: text,
      },
    },
    { name: 'string', next: 'any' },
  ],
  [
    'a schema that refers to itself without end says nothing where it is met again',
    {
      properties: { json: { $ref: '#/$defs/Json' }, odd: { $ref: '#/$defs/Odd' } },
      $defs: {
        Json: {
          anyOf: [text, { type: 'null' }, { type: 'array', items: { $ref: '#/$defs/Json' } }],
        },
        Odd: { oneOf: [{ $ref: '#/$defs/Odd' }] },
      },
    },
    { json: 'string|array<any> or null, optional', odd: 'any, optional' },
  ],
  ['documents that are no objects have none', text, {}],
])('%s', ([, schema, expected]) => {
  expect(said(schema)).toEqual(expected)
})
