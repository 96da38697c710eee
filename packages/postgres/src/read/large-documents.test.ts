import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection } from 'tailrace'
import type { ApplyBatch, DocumentChange, ReadStore } from 'tailrace/adapter'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { applyStatements } from './apply-statement.ts'
import { copyLines } from './bulk-load.ts'
import { documentTable } from './document-table.ts'
import { postgresTables } from './postgres-tables.ts'

const Made = event('Made', z.object({}))
const docs = (name: string) =>
  projection(name, {
    version: 1,
    from: [Made],
    document: z.object({ title: z.string() }),
    key: (e) => e.stream,
    on: { Made: () => null },
  })
const history = '00000000000000aa/1'
const title = 'x'.repeat(600_000)

function large(count: number): DocumentChange[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `k${String(i).padStart(3, '0')}`,
    document: { title },
    position: 5n,
  }))
}

const move = (from: bigint | undefined, to: bigint) => ({
  range: 0,
  slots: { from: 0, to: 255 },
  fence: 1n,
  from,
  to,
})

function batchOf(over: Partial<ApplyBatch>): ApplyBatch {
  return { moves: [move(undefined, 9n)], changes: [], rows: [], park: [], ...over }
}

/** No text of JavaScript is longer. */
const textMax = 2 ** 29 - 24

describe('what is longer together than any text', () => {
  const table = documentTable(docs('docs'), '"tailrace_read"')
  const place = { schema: '"tailrace_read"', projection: 'docs', version: 1, history }
  const changes = large(900)
  expect(changes.length * title.length).toBeGreaterThan(textMax)

  test.for<[string, ApplyBatch]>([
    ['documents', batchOf({ changes })],
    [
      'rows',
      batchOf({
        rows: changes.map(({ document }, i) => ({ position: 5n, ordinal: i, row: document })),
      }),
    ],
  ])('is written in many statements, of which the first moves the checkpoints: %s', ([, batch]) => {
    let statements = 0
    let written = 0
    for (const { values } of applyStatements(place, table, batch)) {
      statements++
      const chars = values!.map((value) => String(value).length)
      expect(Math.max(...chars)).toBeLessThan(32 * 1024 * 1024)
      written += Math.max(...chars)
      expect(String(values![0])).toBe(statements === 1 ? '0' : '')
    }
    expect(statements).toBeGreaterThan(10)
    expect(written).toBeGreaterThan(changes.length * title.length)
  })

  test('is loaded in bulk in many pieces', async () => {
    async function* page() {
      yield changes
    }
    let lines = 0
    for await (const text of copyLines(table, page())) {
      expect(text.length).toBeLessThan(4 * 1024 * 1024)
      lines += text.split('\n').length - 1
    }
    expect(lines).toBe(changes.length)
  })
})

describe('a batch of several statements', () => {
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

  test('is written whole with its checkpoint, or not at all', async () => {
    const opened = await store.open(docs('large'), history)
    // The last document in the order of keys is ahead: the batch fails in its last statement.
    const ahead = { key: 'z', document: { title: '' }, position: 6n }
    await opened.apply(batchOf({ changes: [ahead] }))
    const changes = large(60)
    const failing = batchOf({
      moves: [move(9n, 12n)],
      changes: [{ ...ahead, position: 5n }, ...changes],
    })
    await expect(opened.apply(failing)).rejects.toMatchObject({
      code: 'PROJECTION_KEY_CROSSES_STREAMS',
    })
    expect((await opened.checkpoints()).get(0)?.position).toBe(9n)
    expect((await opened.load(['k000', 'k059'])).size).toBe(0)

    await opened.apply(batchOf({ moves: [move(9n, 12n)], changes }))
    expect((await opened.checkpoints()).get(0)?.position).toBe(12n)
    const found = await opened.load(changes.map(({ key }) => key))
    expect(found.size).toBe(60)
    expect(found.get('k059')?.document).toEqual({ title })
    await expect(opened.apply(failing)).rejects.toMatchObject({ code: 'PROJECTION_FENCED' })
  })

  test('settles a parked key too', async () => {
    const opened = await store.open(docs('settled'), history)
    const failure = { eventId: 'e', type: 'Made', error: 'no', attempts: 1 }
    await opened.apply(batchOf({ park: [{ key: 'k000', positions: [5n], failure }] }))
    const changes = large(60)
    const settled = { rows: [], remaining: [], failure: undefined }
    await opened.resolveParked({ key: 'k000', seen: [5n], changes, ...settled })
    expect((await opened.load(['k000', 'k059'])).size).toBe(2)
    expect(await opened.parked()).toEqual([])
  })

  test('is refused by the key of a document that no statement can hold', async () => {
    const opened = await store.open(docs('huge'), history)
    const huge = { key: 'z', document: { title: 'x'.repeat(400_000_000) }, position: 5n }
    await expect(opened.apply(batchOf({ changes: [...large(60), huge] }))).rejects.toMatchObject({
      code: 'DOCUMENT_UNSTORABLE',
      details: { key: 'z' },
    })
    expect(await opened.checkpoints()).toEqual(new Map())
    expect((await opened.load(['k000'])).size).toBe(0)
  })
})
