import { expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection } from '../index.ts'
import { documentOutline } from './document-outline.ts'
import type { AnyProjectionDef } from './projection.ts'

const Happened = event('Happened', z.object({}))

function outlineOf(document: z.ZodType): string {
  return documentOutline(
    projection('p', {
      version: 1,
      from: [Happened],
      document,
      key: (e: { stream: string }) => e.stream,
      on: { Happened: () => null },
    } as never) as AnyProjectionDef,
  )
}

test('documents with the same properties have the same outline, whatever else is said of them', () => {
  const one = outlineOf(z.object({ b: z.string(), a: z.int().optional() }))
  expect(one).toBe('"a"?:integer,"b":string')
  const described = z.object({
    a: z.int().min(0).optional(),
    b: z.string().max(9).describe('said of it'),
  })
  expect(outlineOf(described)).toBe(one)
})

test.each([
  ['a property more', z.object({ a: z.int().optional(), b: z.string(), c: z.boolean() })],
  ['a property less', z.object({ b: z.string() })],
  ['another name', z.object({ a: z.int().optional(), borrower: z.string() })],
  ['another type', z.object({ a: z.int().optional(), b: z.number() })],
  ['one that may be null', z.object({ a: z.int().optional(), b: z.string().nullable() })],
  ['one that may be absent', z.object({ a: z.int().optional(), b: z.string().optional() })],
])('%s is another outline', (_, document) => {
  expect(outlineOf(document)).not.toBe(
    outlineOf(z.object({ a: z.int().optional(), b: z.string() })),
  )
})

test('of documents in several forms the outline has what any of them has', () => {
  const cat = z.object({ kind: z.literal('cat'), lives: z.int() })
  const dog = z.object({ kind: z.literal('dog'), name: z.string() })
  expect(outlineOf(z.discriminatedUnion('kind', [cat, dog]))).toBe(
    '"kind":string,"lives"?:integer,"name"?:string',
  )
  // A tree refers to itself.
  const tree: z.ZodType = z.object({
    name: z.string(),
    get children() {
      return z.array(tree)
    },
  })
  expect(outlineOf(tree)).toBe('"children":array,"name":string')
})

test('nothing is known of documents that are no objects', () => {
  expect(outlineOf(z.string())).toBe('')
})
