import { clickhouse } from '@tailrace/clickhouse'
import { elasticsearch } from '@tailrace/elasticsearch'
import { postgresTables } from '@tailrace/postgres'
import { event, projection } from 'tailrace'
import type { DocumentReader, FindOptions, ReadStore } from 'tailrace/adapter'
import { mulberry32 } from 'tailrace/testing'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { engine } from '../support/engines.ts'
import { freshDatabase, type FreshDatabase } from '../support/postgres.ts'

const Happened = event('Happened', z.object({}))
const Thing = z.object({
  id: z.string(),
  text: z.string(),
  note: z.string().nullable(),
  hint: z.string().optional(),
  count: z.int(),
  ratio: z.number().optional(),
  open: z.boolean().nullable(),
  at: z.iso.datetime({ offset: true }),
  owner: z.uuid(),
  tags: z.array(z.string()),
  nested: z.array(z.array(z.int())),
})
type Thing = z.infer<typeof Thing>
const Things = projection('things', {
  version: 1,
  from: [Happened],
  document: Thing,
  key: (e) => e.stream,
  lookup: { by: [['text']], text: ['text', 'tags'] },
  on: { Happened: () => null },
})

const texts = [
  '',
  ' ',
  'a',
  'A',
  'ab',
  'ä',
  'a\u0308',
  "it's",
  'back\\slash',
  '"q"',
  '😀',
  '\uffff',
  '\u{10ffff}',
  '%',
  '_',
  '$1',
  '\n\t',
  'null',
  '{}',
  'x'.repeat(3_000),
]
const times = [
  '1900-01-01T00:00:00.000Z',
  '1969-12-31T23:59:59.999Z',
  '1970-01-01T00:00:00Z',
  '2026-03-29T03:00:00+02:00',
  '2026-03-29T01:00:00.000Z',
  '2026-03-29T01:00:00.001Z',
  '2106-02-07T06:28:16.000Z',
  '2299-12-31T23:59:59.999Z',
]
const counts = [0, 1, -1, 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1), 7, 7]
const ratios = [0, 0.1, -0.1, 5e-324, 1.797e308, -1.797e308, 1e21, 2 ** 53 + 2, 1 / 3]
const owners = [
  '01890a5d-ac96-774b-bcce-b302099a8057',
  'ffffffff-ac96-774b-bcce-b302099a8057',
  '00000000-0000-4000-8000-00000000000f',
]

type Random = () => number
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)]!

function thing(random: Random, id: string): Thing {
  return {
    id,
    text: pick(random, texts),
    note: random() < 0.3 ? null : pick(random, texts),
    ...(random() < 0.4 ? {} : { hint: pick(random, texts) }),
    count: pick(random, counts),
    ...(random() < 0.3 ? {} : { ratio: pick(random, ratios) }),
    open: pick(random, [true, false, null]),
    at: pick(random, times),
    owner: random() < 0.2 ? pick(random, owners).toUpperCase() : pick(random, owners),
    tags: Array.from({ length: Math.floor(random() * 4) }, () => pick(random, texts)),
    nested: pick(random, [[], [[]], [[1, 2], [3]], [[], [-1]]]),
  }
}

const pools = {
  text: texts,
  note: texts,
  hint: texts,
  count: [...counts, 1.5, 2 ** 53],
  ratio: ratios,
  at: times,
  owner: owners,
} as const
const ranged = ['text', 'note', 'hint', 'count', 'ratio', 'at'] as const
const sortable = ['id', 'text', 'note', 'hint', 'count', 'ratio', 'open', 'at', 'owner'] as const

function condition(random: Random): Record<string, unknown> {
  const kind = random()
  if (kind < 0.1) return { tags: { has: pick(random, texts) } }
  if (kind < 0.2) return { open: pick(random, [true, false, null, [true, null]]) }
  if (kind < 0.5) {
    const field = pick(random, ranged)
    const bound = (): unknown => pick(random, pools[field] as readonly unknown[])
    return {
      [field]: {
        ...(random() < 0.5 ? { gte: bound() } : { gt: bound() }),
        ...(random() < 0.5 ? { lte: bound() } : random() < 0.5 ? { lt: bound() } : {}),
        ...(random() < 0.3 ? { not: pick(random, [bound(), [bound(), null], null]) } : {}),
      },
    }
  }
  const field = pick(random, ['text', 'note', 'hint', 'count', 'ratio', 'at', 'owner'] as const)
  const value = (): unknown =>
    random() < 0.15 ? null : pick(random, pools[field] as readonly unknown[])
  const how = random()
  if (how < 0.4) return { [field]: value() }
  if (how < 0.7) return { [field]: [value(), value()] }
  if (how < 0.9) return { [field]: { not: value() } }
  return { any: [{ [field]: value() }, condition(random)] }
}

function question(random: Random): FindOptions<Thing> {
  const where = Object.assign(
    {},
    ...Array.from({ length: Math.floor(random() * 3) }, () => condition(random)),
  )
  const sort = Array.from(
    { length: Math.floor(random() * 3) },
    () => [pick(random, sortable), pick(random, ['asc', 'desc'] as const)] as const,
  )
  return {
    where,
    ...(random() < 0.2
      ? { text: pick(random, ['A b', "it's", 'x', 'back sl', 'q', 'null ä', 'ä']) }
      : {}),
    sort: sort.filter(([field], i) => sort.findIndex(([one]) => one === field) === i),
    limit: pick(random, [1, 3, 7, 1_000]),
    total: true,
    ...(random() < 0.3 ? { facets: ['note', 'count', 'open', 'tags'] as const } : {}),
  }
}

/** All pages, with the total and the facets of the first. */
async function answer(reader: DocumentReader<Thing>, asked: FindOptions<Thing>): Promise<unknown> {
  const ids: string[] = []
  let first: unknown
  for (let after: string | undefined, pages = 0; pages < 200; pages++) {
    const page = await reader.find({ ...asked, ...(after === undefined ? {} : { after }) })
    first ??= {
      total: page.total,
      facets: Object.fromEntries(
        Object.entries(page.facets).map(([field, counted]) => [
          field,
          Object.entries(counted).toSorted(),
        ]),
      ),
    }
    ids.push(...page.items.map(({ id }) => id))
    after = page.next
    if (after === undefined) break
  }
  return { ids, first }
}

const count = 150
const history = '00000000000000aa/1'
const others: readonly (readonly [
  string,
  ReturnType<typeof engine>,
  (url: string, name: string) => ReadStore,
])[] = [
  ['clickhouse', engine('clickhouse'), (url, database) => clickhouse({ url, database })],
  ['opensearch', engine('opensearch'), (url, prefix) => elasticsearch({ url, prefix })],
  ['elasticsearch', engine('elasticsearch'), (url, prefix) => elasticsearch({ url, prefix })],
]

describe('the same questions have the same answers on every store', () => {
  let database: FreshDatabase
  const stores: ReadStore[] = []
  beforeAll(async () => {
    database = await freshDatabase()
  })
  afterAll(async () => {
    for (const store of stores) {
      await store.drop('things', 1)
      await store.close()
    }
    await database.drop()
  })

  async function filled(
    store: ReadStore,
    things: readonly Thing[],
  ): Promise<DocumentReader<Thing>> {
    stores.push(store)
    const opened = await store.open(Things, history)
    await opened.apply({
      moves: [{ range: 0, slots: { from: 0, to: 255 }, fence: 1n, from: undefined, to: 9n }],
      changes: things.map((document) => ({ key: document.id, document, position: 1n })),
      rows: [],
      park: [],
    })
    await opened.makeVisible?.()
    const reader = opened.reader() as unknown as DocumentReader<Thing>
    expect(await reader.getMany(things.map(({ id }) => id))).toEqual(things)
    return reader
  }

  for (const [name, one, make] of others)
    one.describe(name, () => {
      test('as PostgreSQL', async () => {
        const random = mulberry32(Number(process.env['SEED'] ?? 1))
        const things = Array.from({ length: count }, (_, i) =>
          thing(random, `t${String(i).padStart(3, '0')}`),
        )
        const unique = `alike-${randomBytes(4).toString('hex')}`
        const reference = await filled(
          postgresTables({ url: database.url, schema: `s_${unique.slice(6)}` }),
          things,
        )
        const reader = await filled(
          make(one.url, name === 'clickhouse' ? unique.replace('-', '_') : unique),
          things,
        )
        for (let i = 0; i < Number(process.env['QUESTIONS'] ?? 40); i++) {
          const asked = question(random)
          const wanted = await answer(reference, asked)
          expect([asked, await answer(reader, asked).catch(String)]).toEqual([asked, wanted])
        }
      }, 300_000)
    })
})
