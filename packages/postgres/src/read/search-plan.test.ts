import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection } from 'tailrace'
import type { DocumentReader, ReadStore } from 'tailrace/adapter'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { postgresTables } from './postgres-tables.ts'

const Happened = event('Happened', z.object({}))
const Product = z.object({ id: z.string(), title: z.string(), stock: z.int(), status: z.string() })
type Product = z.infer<typeof Product>
const Products = projection('products', {
  version: 1,
  from: [Happened],
  document: Product,
  key: (e) => e.stream,
  lookup: { by: [['status', 'stock']], text: ['title'] },
  on: { Happened: () => null },
})
const count = 20_000

let database: FreshDatabase
let store: ReadStore
let client: Client
let position = 0n
beforeAll(async () => {
  database = await freshDatabase()
  store = postgresTables({ url: database.url })
  client = new Client({ connectionString: database.url })
  await client.connect()
  for (let from = 0; from < count; from += 5_000) await write(from, from + 5_000, 1)
  await client.query('analyze tailrace_read.products_v1')
})
afterAll(async () => {
  await client.end()
  await store.close()
  await database.drop()
})

async function write(from: number, to: number, stock: number): Promise<void> {
  const opened = await store.open(Products, '00000000000000aa/1')
  const before = position === 0n ? undefined : position
  position += 1n
  const changes = Array.from({ length: to - from }, (_, i) => {
    const id = `p${from + i}`
    const document: Product = {
      id,
      title: `word${(from + i) % 2_000} thing`,
      stock,
      status: `s${(from + i) % 500}`,
    }
    return { key: id, document, position }
  })
  const slots = { from: 0, to: 255 }
  await opened.apply({
    moves: [{ range: 0, slots, fence: 1n, from: before, to: position }],
    changes,
    rows: [],
    park: [],
  })
}

async function planOf(sql: string): Promise<string> {
  const { rows } = await client.query(`explain ${sql}`)
  return rows.map((row) => row['QUERY PLAN'] as string).join('\n')
}

const search = `select * from tailrace_read.products_v1 where _text @@ to_tsquery('simple', '''word777'':*') order by _key limit 20`

// With a long pending list, the planner leaves the text index once enough updates wait in it, and scans the table.
test('many updates of other fields do not turn the planner away from the text index', async () => {
  expect(await planOf(search)).toContain('products_v1_by_text')
  for (let round = 2; round < 5; round++) await write(0, 3_000, round)
  expect(await planOf(search)).toContain('products_v1_by_text')
  const { rows } = await client.query(
    "select reloptions from pg_class where relname = 'products_v1_by_text'",
  )
  expect(rows[0].reloptions).toContain('gin_pending_list_limit=128')
})

test('a filtered and sorted page is one range of its index', async () => {
  const page = (rest: string) =>
    `select * from tailrace_read.products_v1 where status = 's7' ${rest} order by stock desc, _key desc limit 20`
  expect(await planOf(page(''))).toContain('products_v1_by_status_stock')
  expect(await planOf(page(`and (stock, _key) < (4, 'p5')`))).toContain(
    'products_v1_by_status_stock',
  )
})

test('search after those updates finds what is there now', async () => {
  const reader = (
    await store.open(Products, '00000000000000aa/1')
  ).reader() as unknown as DocumentReader<Product>
  const found = await reader.find({
    text: 'thing word77',
    where: { stock: { gte: 2 } },
    limit: 100,
    total: true,
  })
  expect(found.total).toBe(found.items.length)
  expect(found.items.every((one) => /^word77\d?/.test(one.title) && one.stock === 4)).toBe(true)
  expect(found.items.length).toBeGreaterThan(0)
})
