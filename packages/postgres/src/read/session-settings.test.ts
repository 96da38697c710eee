import { Client, Pool } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection } from 'tailrace'
import type { DocumentReader } from 'tailrace/adapter'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { instantOf } from './instant-text.ts'
import { postgresTables, type PostgresTablesOptions } from './postgres-tables.ts'

const Happened = event('Happened', z.object({}))
const Docs = projection('docs', {
  version: 1,
  from: [Happened],
  document: z.object({ at: z.iso.datetime(), amount: z.number() }),
  key: (e) => e.stream,
  on: { Happened: () => null },
})
const documents = [
  '0001-01-01T00:00:00.000Z',
  '0099-02-28T23:59:59.999Z',
  '1900-01-01T00:00:00.001Z',
  '2024-02-29T12:00:00.500Z',
  '9999-12-31T23:59:59.999Z',
].map((at, i) => ({ at, amount: [0.1 + 0.2, 1 / 3, -5e-324, 1.7976931348623157e308, 1e21][i]! }))
type Doc = (typeof documents)[number]

let database: FreshDatabase
beforeEach(async () => {
  database = await freshDatabase()
})
afterEach(() => database.drop())

/** What comes back of the documents: loaded, and page by page. */
async function comesBack(options: PostgresTablesOptions): Promise<unknown[]> {
  const store = postgresTables(options)
  try {
    const opened = await store.open(Docs, '00000000000000aa/1')
    await opened.apply({
      moves: [{ range: 0, slots: { from: 0, to: 255 }, fence: 1n, from: undefined, to: 9n }],
      changes: documents.map((document, i) => ({ key: `k${i}`, document, position: 1n })),
      rows: [],
      park: [],
    })
    const loaded = await opened.load(documents.map((_, i) => `k${i}`))
    const reader = opened.reader() as unknown as DocumentReader<Doc>
    const paged: Doc[] = []
    for (let after: string | undefined; ;) {
      const more = after === undefined ? {} : { after }
      const page = await reader.find({ sort: [['at', 'asc']], limit: 2, ...more })
      paged.push(...page.items)
      after = page.next
      if (after === undefined) break
    }
    const { facets } = await reader.find({ facets: ['at'] })
    return [
      documents.map((_, i) => loaded.get(`k${i}`)?.document),
      paged,
      Object.keys(facets['at']!).toSorted(),
    ]
  } finally {
    await store.close()
  }
}

const same = [documents, documents, documents.map(({ at }) => at)]
const settings = [
  "datestyle = 'SQL, DMY'",
  "datestyle = 'German'",
  'extra_float_digits = -10',
  "timezone = 'Asia/Kolkata'",
  "timezone = 'America/New_York'",
]

describe('documents come back exactly', () => {
  test.for(settings)('from a database with %s', async (setting) => {
    const admin = new Client({ connectionString: database.url })
    await admin.connect()
    await admin.query(`alter database ${new URL(database.url).pathname.slice(1)} set ${setting}`)
    await admin.end()
    expect(await comesBack({ url: database.url })).toEqual(same)
  })

  test.for(settings)('over an application’s own pool with %s', async (setting) => {
    const pool = new Pool({ connectionString: database.url })
    pool.on('connect', (client) => void client.query(`set ${setting}`))
    expect(await comesBack({ pool })).toEqual(same)
    await pool.end()
  })
})

test('a text that is no time of PostgreSQL has no instant', () => {
  expect(instantOf('1900-01-01 05:53:20+05:53:20')).toBe(Date.parse('1900-01-01T00:00:00Z'))
  expect(instantOf('0001-12-31 19:03:58-04:56:02 BC')).toBe(Date.parse('0001-01-01T00:00:00Z'))
  expect(instantOf('10000-01-01 05:29:59.5+05:30')).toBe(Date.parse('9999-12-31T23:59:59.500Z'))
  for (const text of ['2025-02-29 00:00:00+00', '2025-01-01 00:00:00', '01/02/2026 00:00:00 UTC'])
    expect(instantOf(text)).toBeUndefined()
})
