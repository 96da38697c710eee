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
  lookup: { by: [['at'], ['ratio']], text: ['title', 'tags'] },
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
  add('many words', {
    item: 'x'.repeat(40_000),
    tags: ['line\nbreak', 'back\\new\u001fer "quoted"'],
  })
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

  test('count every value, whatever it is called', async () => {
    const { facets } = await reader.find({ facets: ['tags', 'item'], where: { title: 'हिन्दी' } })
    expect(Object.entries(facets['tags']!)).toEqual([['__proto__', 1]])
    expect(Object.entries(facets['item']!)).toEqual([['__proto__', 1]])
  })
})

describe('pages', () => {
  const sorts: NonNullable<Parameters<typeof reader.find>[0]['sort']>[] = [
    [['item', 'asc']],
    [['item', 'desc']],
    [['ratio', 'asc']],
    [['at', 'desc']],
    [
      ['ratio', 'desc'],
      ['item', 'asc'],
    ],
  ]
  test.for(sorts)(
    'of a sort by %j follow each other, however long its values are',
    async (sort) => {
      const whole = await reader.find({ sort })
      const found: Thing[] = []
      for (let after: string | undefined; ;) {
        const page = await reader.find({
          sort,
          limit: 1,
          ...(after === undefined ? {} : { after }),
        })
        found.push(...page.items)
        after = page.next
        if (after === undefined) break
      }
      expect(found).toEqual(whole.items)
      expect(found).toHaveLength(things.length)
    },
  )

  const forged: [keyof Thing, string[]][] = [
    [
      'at',
      [
        '2026-02-31 00:00:00+00',
        '2025-02-29 00:00:00+00',
        '0000-01-01 00:00:00+00',
        '2026-01-01 24:00:01+00',
        '2026-01-01 00:00:60+00',
        '2026-01-01 00:00:00+99',
        '2026-13-01 00:00:00+00',
        '2026-01-01 00:00:00.1234567890123456789+00',
        '999999-01-01 00:00:00+00',
        'infinity',
        'now',
      ],
    ],
    ['ratio', ['1e999', '-1e999', '1e-999', '0x10', ' 1', 'Infinity', 'NaN', '1_000', '1e', '']],
    ['title', ['\ud800', 'a\0b']],
  ]
  test.for(forged)('after a forged value of %s are refused', async ([field, values]) => {
    const sort = [[field, 'asc']] as const
    const { next } = await reader.find({ sort, limit: 1 })
    const [signature, , key] = JSON.parse(Buffer.from(next!, 'base64url').toString()) as string[]
    for (const value of values) {
      const after = Buffer.from(JSON.stringify([signature, value, key])).toString('base64url')
      const refused = await reader
        .find({ sort, after })
        .catch((error: { code: string }) => error.code)
      expect([value, refused]).toEqual([value, 'CURSOR_INVALID'])
    }
  })
})

describe('text', () => {
  const found = async (text: string): Promise<number[]> =>
    (await reader.find({ text })).items.map((one) => things.findIndex(({ at }) => at === one.at))

  test.for<[string, string, number[]]>([
    ['that is blank asks for nothing', ' \n\0', [0, 1, 2, 3]],
    ['without a letter or digit is found nowhere', '👍', []],
    ['of punctuation is found nowhere', '!!! %', []],
    ['finds letters that are composed of two characters', 'cafe\u0301 CRE\u0300', [1]],
    ['finds words with marks', 'हिन्', [2]],
    ['finds words of lists after a line break', 'break', [3]],
    [
      'finds words of lists around a backslash, a quote and a control character',
      'back new er quoted',
      [3],
    ],
    ['does not take an escape for a word', 'nbreak', []],
    ['of a word longer than any is found nowhere', `${'x'.repeat(50_000)} kettle`, []],
    ['of a word as long as any is found nowhere', `${'x'.repeat(2_046)} kettle`, []],
  ])('%s', async ([, text, expected]) => {
    expect(await found(text)).toEqual(expected)
  })
})
