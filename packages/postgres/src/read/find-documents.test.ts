import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection } from 'tailrace'
import type { DocumentReader, ReadStore } from 'tailrace/adapter'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { postgresTables } from './postgres-tables.ts'

const Happened = event('Happened', z.object({}))
const Thing = z.object({
  title: z.string(),
  item: z.string(),
  key: z.string(),
  tags: z.array(z.string()),
  at: z.iso.datetime(),
  ratio: z.number(),
})
type Thing = z.infer<typeof Thing>
const Things = projection('things', {
  version: 1,
  from: [Happened],
  document: Thing,
  key: (e) => e.stream,
  lookup: { by: [['at'], ['ratio']], text: ['title'] },
  on: { Happened: () => null },
})

let database: FreshDatabase
let store: ReadStore
let reader: DocumentReader<Thing>
const things: Thing[] = []
beforeAll(async () => {
  database = await freshDatabase()
  store = postgresTables({ url: database.url })
  const opened = await store.open(Things, '00000000000000aa/1')
  reader = opened.reader() as unknown as DocumentReader<Thing>
  const add = (title: string, over: Partial<Thing> = {}): void => {
    const at = `2026-01-0${things.length + 1}T00:00:00.000Z`
    const ratio = things.length / 3
    things.push({ title, item: 'i', key: 'k', tags: [], at, ratio, ...over })
  }
  add('Red kettle', { tags: ['new', 'red'], item: 'kettle' })
  add('Café crème', { tags: ['new'], item: 'cup', ratio: 5e-324 })
  add('हिन्दी', { tags: ['__proto__'], item: '__proto__', ratio: -1e300 })
  add(Array.from({ length: 300 }, (_, i) => `word${i}`).join(' '), { item: 'x'.repeat(40_000) })
  await opened.apply({
    moves: [{ range: 0, slots: { from: 0, to: 255 }, fence: 1n, from: undefined, to: 9n }],
    changes: things.map((document, i) => ({ key: `k${i}`, document, position: 1n })),
    rows: [],
    park: [],
  })
})
afterAll(async () => {
  await store.close()
  await database.drop()
})

describe('facets', () => {
  test('over a list are those of the list, whatever other properties are called', async () => {
    const { facets } = await reader.find({ facets: ['tags'], where: { item: ['kettle', 'cup'] } })
    expect(facets['tags']).toEqual({ new: 2, red: 1 })
  })
})
