import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection } from 'tailrace'
import type { ProjectionStore, ReadStore } from 'tailrace/adapter'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { postgresTables } from './postgres-tables.ts'

const Happened = event('Happened', z.object({ id: z.string() }))
const Doc = z.object({
  id: z.string(),
  owner: z.uuid(),
  at: z.iso.datetime({ offset: true }),
  count: z.int(),
  ratio: z.number(),
  open: z.boolean(),
  status: z.enum(['placed', 'paid']),
  note: z.string().nullable(),
  hint: z.string().optional(),
  both: z.string().nullable().optional(),
  tags: z.array(z.string()),
  lines: z.array(z.object({ sku: z.string(), quantity: z.int() })),
  title: z.string(),
})
type Doc = z.infer<typeof Doc>

const Documents = projection('typed-documents', {
  version: 1,
  from: [Happened],
  document: Doc,
  key: (e) => e.data.id,
  lookup: { by: [['status', 'at'], ['tags'], ['count']], text: ['title', 'tags'] },
  on: { Happened: () => null },
})

const history = '00000000000000aa/1'
const slots = { from: 0, to: 255 }

let database: FreshDatabase
let store: ReadStore
beforeAll(async () => {
  database = await freshDatabase()
  store = postgresTables({ url: database.url })
})
afterAll(async () => {
  await store.close()
  await database.drop()
})

function documentOf(id: string, over: Partial<Doc> = {}): Doc {
  return {
    id,
    owner: '01890a5d-ac96-774b-bcce-b302099a8057',
    at: '2026-01-02T03:04:05.006Z',
    count: 3,
    ratio: 0.1,
    open: true,
    status: 'placed',
    note: null,
    tags: ['a', 'b"c\\'],
    lines: [{ sku: 'x', quantity: 2 }],
    title: 'Red kettle',
    ...over,
  }
}

let position = 0n
async function put(opened: ProjectionStore, documents: Record<string, unknown>): Promise<void> {
  const from = position === 0n ? undefined : position
  position += 10n
  await opened.apply({
    moves: [{ range: 0, slots, fence: 1n, from, to: position }],
    changes: Object.entries(documents).map(([key, document]) => ({ key, document, position })),
    rows: [],
    park: [],
  })
}

test('a version is built over as few connections as it is given, also from another version', async () => {
  const few = postgresTables({ url: database.url, connections: { work: 1, read: 1 } })
  const [old, built] = await Promise.all(
    [1, 2].map((version) => few.open({ ...Documents, name: 'built', version }, history)),
  )
  const moves = [{ range: 0, slots, fence: 1n, from: undefined, to: 1n }]
  const changes = [{ key: 'a', document: documentOf('a'), position: 1n }]
  await old!.apply({ moves, changes, rows: [], park: [] })
  async function* pages() {
    for await (const page of old!.dump()) yield page.map((one) => ({ ...one, position: 1n }))
  }
  await built!.bulkLoad(pages(), moves)
  expect((await built!.load(['a'])).get('a')?.document).toEqual(documentOf('a'))
  await few.close()
})

describe('documents in typed columns', () => {
  test('come back exactly as the fold returned them', async () => {
    const opened = await store.open(Documents, history)
    const odd: Record<string, unknown> = {
      plain: documentOf('plain'),
      optional: documentOf('optional', { hint: '', both: null, note: 'n\n\t\\"' }),
      present: documentOf('present', { both: 'x' }),
      offset: documentOf('offset', { at: '2026-01-02T03:04:05.123456+02:00' }),
      whole: documentOf('whole', { at: '2026-01-02T03:04:05Z' }),
      impossible: documentOf('impossible', { at: '2026-02-30T00:00:00.000Z' }),
      shouting: documentOf('shouting', { owner: '01890A5D-AC96-774B-BCCE-B302099A8057' }),
      numbers: documentOf('numbers', { count: Number.MAX_SAFE_INTEGER, ratio: 5e-324 }),
      negative: documentOf('negative', { count: -7, ratio: 1e308 }),
      nul: documentOf('nul', { title: 'a\0b', tags: ['\0'] }),
      surrogate: documentOf('surrogate', {
        title: '\ud800',
        lines: [{ sku: '\udc00', quantity: 1 }],
      }),
      emoji: documentOf('emoji', { title: '🫖 tea', tags: [] }),
      missing: { id: 'missing' },
      mistyped: { ...documentOf('mistyped'), count: 'three', open: 1, tags: { not: 'a list' } },
      further: { ...documentOf('further'), undeclared: { deep: [1, null] } },
      list: [1, 2],
      'key\0with\ud800': documentOf('odd key'),
    }
    await put(opened, odd)
    const loaded = await opened.load([...Object.keys(odd), 'unknown'])
    expect(
      Object.fromEntries([...loaded].map(([key, stored]) => [key, stored.document])),
    ).toStrictEqual(odd)
    expect(loaded.get('plain')?.position).toBe(10n)
    const proto = JSON.parse('{"id": "p", "__proto__": {"admin": true}}') as object
    await put(opened, { proto })
    const back = (await opened.load(['proto'])).get('proto')!.document as object
    expect(Object.keys(back)).toContain('__proto__')
    expect((back as { admin?: boolean }).admin).toBeUndefined()
  })

  test('are parked by key when they are no JSON', async () => {
    const opened = await store.open(Documents, history)
    const failing = put(opened, {
      good: documentOf('good'),
      bad: documentOf('bad', { ratio: Number.NaN }),
    })
    await expect(failing).rejects.toMatchObject({
      code: 'DOCUMENT_UNSTORABLE',
      details: { key: 'bad' },
    })
    position -= 10n
  })
})
