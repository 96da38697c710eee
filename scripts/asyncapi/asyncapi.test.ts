import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { orders } from '../../systems/orders/app.ts'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ordersAsyncApi } from './orders-events.ts'

type Json = Record<string, unknown>

interface Document {
  readonly channels: { readonly events: { readonly messages: Json } }
  readonly components: {
    readonly schemas: Record<string, Json>
    readonly messages: Record<
      string,
      { readonly examples?: readonly { readonly headers: Json; readonly payload: Json }[] }
    >
  }
}

const document = JSON.parse(JSON.stringify(ordersAsyncApi())) as unknown as Document
const path = join(import.meta.dirname, '../../docs/reference/asyncapi.json')

/** A validator of one of the document's schemas. */
function validator(name: string) {
  const text = JSON.stringify(document.components.schemas)
  const $defs = JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')) as Json
  return z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs } as never)
}

test('the page in the repository is what the product says now; node scripts/asyncapi.ts writes it', () => {
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(document)
})

test('every event has a message, and every reference leads somewhere', () => {
  const types = [...orders.events.keys()].toSorted()
  expect(Object.keys(document.components.messages).toSorted()).toEqual(types)
  expect(Object.keys(document.channels.events.messages).toSorted()).toEqual(types)
  for (const [, ref] of JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)) {
    let at: unknown = document
    for (const part of ref!.slice(1).split('/')) at = (at as Json)[part]
    expect(at, ref).toBeTypeOf('object')
  }
})

test.for([...orders.events.keys()])(
  'the example of %s is what its schema allows, and a changed one is not',
  (type) => {
    const [example] = document.components.messages[type]!.examples ?? []
    expect(example).toBeDefined()
    const payload = validator(type)
    expect(payload.safeParse(example!.payload).error).toBeUndefined()
    expect(validator('Headers').safeParse(example!.headers).error).toBeUndefined()
    const { data } = example!.payload as { data: Json }
    for (const broken of [
      { ...example!.payload, data: { ...data, orderId: 7 } },
      { ...example!.payload, type: 'Another' },
      { ...example!.payload, position: 12 },
      { ...example!.payload, slot: 256 },
    ])
      expect(payload.safeParse(broken).success, JSON.stringify(broken).slice(0, 80)).toBe(false)
  },
)
