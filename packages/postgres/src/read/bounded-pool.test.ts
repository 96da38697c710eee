import { Client, Pool } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection } from 'tailrace'
import type { DocumentReader, ProjectionStore, ReadStore } from 'tailrace/adapter'
import { faultProxy, type FaultProxy } from '../../../../test/chaos/fault-proxy.ts'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { postgresTables, type PostgresTablesOptions } from './postgres-tables.ts'

const Happened = event('Happened', z.object({}))
const Docs = (version: number) =>
  projection('docs', {
    version,
    from: [Happened],
    document: z.object({ n: z.int() }),
    key: (e) => e.stream,
    on: { Happened: () => null },
  })
const history = '00000000000000aa/1'
const move = (from: bigint | undefined, to: bigint) => ({
  range: 0,
  slots: { from: 0, to: 255 },
  fence: 1n,
  from,
  to,
})
const batch = (from: bigint | undefined, to: bigint) => ({
  moves: [move(from, to)],
  changes: [{ key: 'a', document: { n: Number(to) }, position: to }],
  rows: [],
  park: [],
})

let database: FreshDatabase
let proxy: FaultProxy
let url: string
let store: ReadStore
beforeEach(async () => {
  database = await freshDatabase()
  proxy = await faultProxy({ port: Number(new URL(database.url).port) })
  const way = new URL(database.url)
  way.port = String(proxy.port)
  url = way.href
})
afterEach(async () => {
  await store.close()
  await proxy.close()
  await database.drop()
})

async function opened(options: PostgresTablesOptions): Promise<ProjectionStore> {
  store = postgresTables({ answerTimeoutMs: 400, statementTimeoutMs: 1_000, ...options })
  const projectionStore = await store.open(Docs(1), history)
  await projectionStore.apply(batch(undefined, 1n))
  return projectionStore
}

/** Nobody says good-bye: the open connections stay, and nothing comes through them. */
function fallSilent(): void {
  proxy.set({ swallow: ['up', 'down'] })
}

async function* pages(): AsyncGenerator<{ key: string; document: unknown; position: bigint }[]> {
  yield [{ key: 'a', document: { n: 1 }, position: 1n }]
}

describe('a read database that falls silent behind open connections', () => {
  test('fails every call with UNAVAILABLE, and works again over new connections', async () => {
    const docs = await opened({ url })
    const reader = docs.reader() as unknown as DocumentReader<unknown>
    await Promise.all([reader.get('a'), docs.load(['a']), docs.checkpoints()])
    fallSilent()
    const calls = [docs.apply(batch(1n, 2n)), docs.load(['a']), reader.get('a'), docs.checkpoints()]
    for (const call of await Promise.allSettled(calls))
      expect(call).toMatchObject({ reason: { code: 'UNAVAILABLE', retryable: true } })
    // The connections given up are not used again; no new one has been asked for yet.
    proxy.set({})
    expect(await reader.get('a')).toEqual({ n: 1 })
    await docs.apply(batch(1n, 2n))
    expect(await reader.get('a')).toEqual({ n: 2 })
  })

  test('ends a transaction at its first silent statement', async () => {
    const docs = await opened({ url })
    fallSilent()
    const settling = docs.resolveParked({
      key: 'a',
      seen: [1n],
      changes: [],
      rows: [],
      remaining: [],
      failure: undefined,
    })
    await expect(settling).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('ends a bulk load whose rows nobody takes', async () => {
    await opened({ url })
    const empty = await store.open(Docs(2), history)
    async function* endless(): AsyncGenerator<
      { key: string; document: unknown; position: bigint }[]
    > {
      for (let i = 0; ; i++) {
        if (i === 1) proxy.set({ hold: ['up', 'down'] })
        yield Array.from({ length: 1_000 }, (_, j) => ({
          key: `${i}/${j}`,
          document: { n: 1 },
          position: 1n,
        }))
      }
    }
    await expect(empty.bulkLoad(endless(), [move(undefined, 1n)])).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
  })

  test('ends a bulk load whose end nobody confirms', async () => {
    await opened({ url })
    const empty = await store.open(Docs(2), history)
    async function* silentAtTheEnd(): ReturnType<typeof pages> {
      yield* pages()
      fallSilent()
    }
    await expect(empty.bulkLoad(silentAtTheEnd(), [move(undefined, 1n)])).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
  })

  test('does not keep close() waiting', async () => {
    const docs = await opened({ url })
    fallSilent()
    const left = docs.apply(batch(1n, 2n)).catch((error: { code: string }) => error.code)
    await store.close()
    expect(await left).toBe('UNAVAILABLE')
  })

  test('is noticed on the application’s own pool too', async () => {
    const pool = new Pool({ connectionString: url, max: 1 })
    pool.on('error', () => undefined)
    const docs = await opened({ pool })
    fallSilent()
    await expect(docs.apply(batch(1n, 2n))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    proxy.set({})
    await docs.apply(batch(1n, 2n))
    // Somebody else has the only connection and does not give it back.
    const other = await pool.connect()
    await expect(docs.load(['a'])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    other.release()
    expect((await docs.load(['a'])).get('a')?.document).toEqual({ n: 2 })
    await pool.end()
  })
})

test('an answer that is long on its way is not silence', async () => {
  const docs = await opened({ url, answerTimeoutMs: 1_000 })
  const keys = Array.from({ length: 4_000 }, (_, i) => `key ${i}`)
  await docs.apply({
    ...batch(1n, 2n),
    changes: keys.map((key) => ({ key, document: { n: 1 }, position: 2n })),
  })
  proxy.set({ bytesPerSecond: 100_000 })
  const began = performance.now()
  expect((await docs.load(keys)).size).toBe(4_000)
  expect(performance.now() - began).toBeGreaterThan(1_200)
})

test('who waits for a lock of others too long is told so, and nobody is left waiting at the server', async () => {
  const docs = await opened({ url })
  const other = new Client({ connectionString: database.url })
  await other.connect()
  await other.query('begin; update tailrace_read.checkpoint set fence = fence')
  await expect(docs.apply(batch(1n, 2n))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  const { rows } = await other.query(
    "select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  )
  expect(rows[0].waiting).toBe(0)
  await other.query('rollback')
  await other.end()
  await docs.apply(batch(1n, 2n))
})
