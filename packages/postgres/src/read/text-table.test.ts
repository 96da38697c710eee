import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection } from 'tailrace'
import type { DocumentReader, ProjectionStore, ReadStore } from 'tailrace/adapter'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { postgresTables } from './postgres-tables.ts'

const Happened = event('Happened', z.object({}))
const Product = z.object({ title: z.string(), tags: z.array(z.string()), stock: z.int() })
type Product = z.infer<typeof Product>
const Products = (version: number) =>
  projection('products', {
    version,
    from: [Happened],
    document: Product,
    key: (e) => e.stream,
    lookup: { by: [['stock']], text: ['title', 'tags'] },
    on: { Happened: () => null },
  })
const history = '00000000000000aa/1'
const slots = { from: 0, to: 255 }

let database: FreshDatabase
let store: ReadStore
let opened: ProjectionStore
let client: Client
let position = 0n
beforeAll(async () => {
  database = await freshDatabase()
  store = postgresTables({ url: database.url })
  opened = await store.open(Products(1), history)
  client = new Client({ connectionString: database.url })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await store.close()
  await database.drop()
})

/** Puts documents, and removes those of which there is none, in one batch. */
async function write(documents: Readonly<Record<string, Product | null>>): Promise<void> {
  const from = position === 0n ? undefined : position
  position += 1n
  const changes = Object.entries(documents).map(([key, document]) => ({ key, document, position }))
  const moves = [{ range: 0, slots, fence: 1n, from, to: position }]
  await opened.apply({ moves, changes, rows: [], park: [] })
}

async function found(text: string): Promise<readonly string[]> {
  const reader = opened.reader() as unknown as DocumentReader<Product>
  return (await reader.find({ text })).items.map(({ title }) => title).toSorted()
}

/** Which transaction wrote the words of each document. */
async function writers(): Promise<Record<string, string>> {
  const { rows } = await client.query(
    'select _key as key, xmin::text from tailrace_read.products_v1_text order by 1',
  )
  return Object.fromEntries(rows.map((row) => [row.key, row.xmin]))
}

test('words are written when they change, and not when something else does', async () => {
  await write({
    lamp: { title: 'brass lamp', tags: ['desk'], stock: 1 },
    chair: { title: 'oak chair', tags: ['desk'], stock: 1 },
  })
  const before = await writers()
  await write({
    lamp: { title: 'brass lamp', tags: ['desk'], stock: 2 },
    chair: { title: 'oak chair', tags: ['kitchen'], stock: 1 },
  })
  const after = await writers()
  expect(after['lamp']).toBe(before['lamp'])
  expect(after['chair']).not.toBe(before['chair'])
  expect(await found('desk')).toEqual(['brass lamp'])
  expect(await found('kitchen')).toEqual(['oak chair'])
})

test('the words of a document go with it, and come back with it', async () => {
  const stool = { title: 'pine stool', tags: [], stock: 1 }
  await write({ stool })
  expect(await found('pine')).toEqual(['pine stool'])
  await write({ stool: null })
  expect(await found('pine')).toEqual([])
  expect(Object.keys(await writers())).not.toContain('stool')
  await write({ stool })
  expect(await found('pine')).toEqual(['pine stool'])
})

test('a batch that is refused leaves the words as they are', async () => {
  await write({ shelf: { title: 'birch shelf', tags: [], stock: 1 } })
  const fenced = opened.apply({
    moves: [{ range: 0, slots, fence: 1n, from: position - 1n, to: position + 1n }],
    changes: [
      { key: 'shelf', document: { title: 'steel shelf', tags: [], stock: 1 }, position: 1_000n },
    ],
    rows: [],
    park: [],
  })
  await expect(fenced).rejects.toMatchObject({ code: 'PROJECTION_FENCED' })
  expect(await found('steel')).toEqual([])
  expect(await found('birch')).toEqual(['birch shelf'])
})

test('a version that is loaded in bulk has words, and goes with them', async () => {
  const built = await store.open(Products(2), history)
  const title = 'walnut desk'
  async function* documents() {
    yield [{ key: 'desk', document: { title, tags: ['it’s', 'a\tb'], stock: 1 }, position: 1n }]
  }
  const moves = [{ range: 0, slots, fence: 1n, from: undefined, to: 1n }]
  await built.bulkLoad(documents(), moves)
  const reader = built.reader() as unknown as DocumentReader<Product>
  for (const text of ['walnut', 'it’s', 'b a'])
    expect(
      (await reader.find({ text })).items.map((one) => one.title),
      text,
    ).toEqual([title])
  await store.drop('products', 2)
  const { rows } = await client.query(
    "select relname from pg_class where relname like 'products_v2%'",
  )
  expect(rows).toEqual([])
})
