import { event, projection, rowsProjection } from 'tailrace'
import type { ApplyBatch, DocumentReader, ProjectionStore, ReadStore } from 'tailrace/adapter'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { engine } from '../../../test/support/engines.ts'
import { TestDatabases } from '../test/test-databases.ts'
import { clickhouse, clickhouseSql, type TableOptions } from './index.ts'

const server = engine('clickhouse')
const history = '00000000000000aa/1'
const Noted = event('Noted', z.object({}))

const Doc = z.object({
  status: z.string(),
  value: z.string(),
  matches: z.int(),
  tags: z.array(z.string()),
  title: z.string(),
  day: z.iso.date(),
  at: z.iso.datetime(),
  score: z.number(),
  price: z.string(),
})
type Doc = z.infer<typeof Doc>
const Docs = projection('docs', {
  version: 1,
  from: [Noted],
  document: Doc,
  key: (e) => e.stream,
  on: { Noted: () => undefined },
})
const Offers = rowsProjection('offers', {
  version: 1,
  from: [Noted],
  row: z.object({
    sku: z.string(),
    until: z.iso.datetime(),
    price: z.string(),
    units: z.int().optional(),
  }),
  on: { Noted: () => [] },
})

function doc(over: Partial<Doc> = {}): Doc {
  return {
    status: 'open',
    value: 'x',
    matches: 1,
    tags: ['t'],
    title: 'title',
    day: '2026-02-28',
    at: '2026-02-28T00:00:00.000Z',
    score: 1.5,
    price: '1.50',
    ...over,
  }
}

const moves = [
  { range: 0, slots: { from: 0, to: 255 }, fence: 1n, from: undefined, to: 99n },
] as const

function documents(...all: readonly Doc[]): ApplyBatch {
  const changes = all.map((document, i) => ({ key: `k${i}`, document, position: BigInt(i + 1) }))
  return { moves, changes, rows: [], park: [] }
}

function offers(...all: readonly object[]): ApplyBatch {
  const rows = all.map((over, i) => ({
    position: BigInt(i + 1),
    ordinal: 0,
    row: { sku: `s${i}`, until: '2126-01-01T00:00:00.000Z', price: '1.00', ...over },
  }))
  return { moves, changes: [], rows, park: [] }
}

server.describe('answers of the ClickHouse read store', () => {
  let databases: TestDatabases
  let database: string
  const opened: ReadStore[] = []
  const store = (tables: Record<string, TableOptions> = {}): ReadStore => {
    const one = clickhouse({ url: server.url, database, tables })
    opened.push(one)
    return one
  }
  const reader = (version: ProjectionStore) => version.reader() as unknown as DocumentReader<Doc>
  const sql = (version: ProjectionStore) =>
    clickhouseSql(version.reader() as unknown as DocumentReader<unknown>)
  beforeAll(() => {
    databases = new TestDatabases(server.url)
  })
  afterAll(() => databases.drop())
  beforeEach(() => {
    database = databases.fresh()
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()))
  })

  test('rows that end after 2106 are kept', async () => {
    const keepFor = { property: 'until', days: 30 }
    const version = await store({ offers: { keepFor } }).open(Offers, history)
    const years = [2001, 2030, 2105, 2106, 2107, 2150, 2199, 2250, 9999]
    await version.apply(offers(...years.map((year) => ({ until: `${year}-06-01T00:00:00.000Z` }))))
    await databases.command(`OPTIMIZE TABLE ${database}.offers_v1 FINAL`)
    const [found] = await databases.rows(`SELECT count() AS n FROM ${database}.offers_v1`)
    expect(Number(found!['n'])).toBe(years.length - 1)
    expect(await sql(version).query('SELECT count() AS n FROM $offers')).toEqual([
      { n: String(years.length - 1) },
    ])
  })

  test.each([
    ['price', '19.995'],
    ['price', '1e3'],
    ['price', ' 5.00'],
    ['price', 'none'],
    ['units', 1.5],
    ['units', '7'],
    ['until', 'never'],
  ])('a row whose column cannot hold its %s %j is refused by its event', async (name, value) => {
    const columns = { price: 'Decimal(18, 2)' }
    const version = await store({ offers: { columns } }).open(Offers, history)
    await expect(version.apply(offers({}, { [name]: value }, {}))).rejects.toMatchObject({
      code: 'DOCUMENT_UNSTORABLE',
      details: { position: 2n },
      message: expect.stringContaining(`"${name}" is ${JSON.stringify(value)}`),
    })
    expect((await version.checkpoints()).size).toBe(0)
    await version.apply(offers({}, { units: undefined }, { units: 2, price: '2' }))
    expect(
      await sql(version).query('SELECT sum(price) AS price, sum(units) AS units FROM $offers'),
    ).toEqual([{ price: '4', units: '2' }])
  })

  test('lists of decimals, numbers and times are looked for', async () => {
    const version = await store({ docs: { columns: { price: 'Decimal(38, 2)' } } }).open(
      Docs,
      history,
    )
    const price = '123456789012345678901234567890.25'
    await version.apply(documents(doc({ price }), doc({ score: -2.25 }), doc({ matches: 7 })))
    const found = async (where: object) =>
      (await reader(version).find({ where })).items.map((one) => [
        one.price,
        one.score,
        one.matches,
      ])
    expect(await found({ price: [price, '9.00'] })).toEqual([[price, 1.5, 1]])
    expect(await found({ score: [-2.25, 1e21] })).toEqual([['1.50', -2.25, 1]])
    expect(await found({ matches: [7, 2 ** 53 - 1], day: ['2026-02-28', '1960-01-01'] })).toEqual([
      ['1.50', 1.5, 7],
    ])
    expect(await found({ price: { not: [price, '1.50'] } })).toEqual([])
  })

  test('facets count right beside filters on properties of any name', async () => {
    const version = await store().open(Docs, history)
    await version.apply(
      documents(doc(), doc({ value: 'y' }), doc({ status: 'closed', tags: ['t', 'u'] })),
    )
    const facets = async (options: object) => (await reader(version).find(options)).facets
    expect(await facets({ where: { value: 'x' }, facets: ['status'] })).toEqual({
      status: { open: 1, closed: 1 },
    })
    expect(await facets({ where: { matches: 1 }, facets: ['status', 'tags'] })).toEqual({
      status: { open: 2, closed: 1 },
      tags: { t: 3, u: 1 },
    })
    expect(await facets({ where: { status: 'open' }, facets: ['value', 'matches'] })).toEqual({
      value: { x: 1, y: 1 },
      matches: { 1: 2 },
    })
  })

  test.each([
    ['of many letters', 'z'.repeat(300_000)],
    ['of letters that are escaped', `\\'\n\t`.repeat(40_000)],
    ['of letters of four bytes', `a${'𝄞'.repeat(60_000)}`],
  ])('a page that ends with a text %s has a next one', async (_, long) => {
    const version = await store().open(Docs, history)
    await version.apply(
      documents(doc({ title: `${long}1` }), doc({ title: `${long}2` }), doc({ title: `${long}3` })),
    )
    const found: string[] = []
    let after: string | undefined
    do {
      const page = await reader(version).find({
        sort: [['title', 'asc']],
        limit: 1,
        ...(after === undefined ? {} : { after }),
      })
      found.push(...page.items.map(({ title }) => title.slice(long.length)))
      after = page.next
    } while (after !== undefined)
    expect(found).toEqual(['1', '2', '3'])
  })

  test('a cursor that was made up is refused, or answered as any other', async () => {
    const columns = { price: 'Decimal(18, 2)' }
    const version = await store({ docs: { columns } }).open(Docs, history)
    await version.apply(documents(doc(), doc()))
    const texts = [
      '2026-02-30|0000-00-00|9999-99-99|2026-02-30T00:00:00.000Z|2026-02-28T99:99:99.999Z|x||\\N|\0',
      '+275760-09-13T00:00:00.000Z|-1|1.|.5|0x1|1e999|NaN|Infinity',
      `${'9'.repeat(80)}|${'0'.repeat(400)}1|1.${'0'.repeat(400)}`,
    ].flatMap((some) => some.split('|'))
    const numbers = [2 ** 53, 2 ** 63, -(2 ** 63), 1e308, 5e-324, -0, 0.1]
    const odd: unknown[] = [...texts, ...numbers, true, null, [], ['1'], {}]
    for (const field of ['matches', 'day', 'at', 'score', 'price', 'status'] as const)
      for (const value of odd) {
        const sort = [[field, 'asc']] as const
        const { next } = await reader(version).find({ sort, limit: 1 })
        const cursor = JSON.parse(Buffer.from(next!, 'base64url').toString()) as unknown[]
        for (const place of [1, 2]) {
          const forged = cursor.with(place, value)
          const after = Buffer.from(JSON.stringify(forged)).toString('base64url')
          const answer = await reader(version)
            .find({ sort, after })
            .then(
              () => 'answered',
              (error: { code?: unknown }) => String(error.code),
            )
          expect(answer, `${field} ${JSON.stringify(forged)}`).toMatch(
            /^(answered|CURSOR_INVALID)$/,
          )
        }
      }
  }, 120_000)

  test('SQL of one projection looks into no table of another', async () => {
    const other = { ...Offers, name: 'secret' }
    const one = store()
    await (await one.open(other, history)).apply(offers({ sku: 'theirs' }))
    const version = await one.open(Offers, history)
    await version.apply(offers({ sku: 'ours' }))
    for (const text of [
      `SELECT (7, 0, 'theirs', '') IN ${database}.secret_v1 AS x FROM $offers`,
      `SELECT 1 FROM $offers WHERE sku NOT IN (${database}.secret_v1)`,
      `SELECT 1 FROM $offers WHERE sku GLOBAL IN ((\`${database}\`."secret_v1"))`,
      `SELECT 1 FROM $offers WHERE sku IN secret_v1`,
      `SELECT in(sku, ${database}.secret_v1) AS x FROM $offers`,
      `SELECT 1 FROM $offers WHERE NOT globalIn(sku, ${database}.secret_v1)`,
    ])
      await expect(sql(version).query(text), text).rejects.toMatchObject({
        code: 'READ_UNSUPPORTED',
      })
    for (const [where, n] of [
      [`sku IN ('ours', 'x')`, '1'],
      [`sku NOT IN ('ours')`, '0'],
      [`sku IN {skus:Array(String)}`, '1'],
      [`(sku, price) IN (('ours', '1.00'))`, '1'],
      [`sku IN (SELECT sku FROM $offers)`, '1'],
      [`sku IN known`, '1'],
      [`sku IN array('ours')`, '1'],
      [`'ours' IN (sku, price)`, '1'],
    ] as const) {
      const text = `WITH known AS (SELECT sku FROM $offers) SELECT count() AS n FROM $offers WHERE ${where}`
      expect(await sql(version).query(text, { skus: ['ours'] }), where).toEqual([{ n }])
    }
  })
})
