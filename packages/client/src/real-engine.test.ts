import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { http } from '@tailrace/http'
import { lmdb } from '@tailrace/lmdb'
import { postgres, postgresTables } from '@tailrace/postgres'
import { Client as Database } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { start, type Running } from 'tailrace'
import { counterApp, counterTables } from '../../../test/support/counter-app.ts'
import { freshDatabase, type FreshDatabase } from '../../../test/support/postgres.ts'
import { createClient, memoryStorage, type Client } from './index.ts'

// Clients over HTTP against the real engine on PostgreSQL and LMDB.

let write: FreshDatabase
let read: FreshDatabase
let folder: string
let running: Running

beforeAll(async () => {
  ;[write, read, folder] = await Promise.all([
    freshDatabase(),
    freshDatabase(),
    mkdtemp(join(tmpdir(), 'tailrace-client-')),
  ])
  const database = new Database({ connectionString: write.url })
  await database.connect()
  await database.query(counterTables)
  await database.end()
  running = await start(counterApp(), {
    write: postgres({ url: write.url }),
    stores: { totals: lmdb({ path: folder }), 'total-tables': postgresTables({ url: read.url }) },
    http: http({ port: 0, env: {} }),
  })
})
afterAll(async () => {
  await running?.stop()
  await Promise.all([write?.drop(), read?.drop()])
  await rm(folder, { recursive: true, force: true })
})

const connect = (): Client<ReturnType<typeof counterApp>> =>
  createClient<ReturnType<typeof counterApp>>({
    baseUrl: running.url!,
    token: () => 'demo:customer:ann',
    storage: memoryStorage(),
  })

test('a client sees its own write in every read model at once, also when it writes many at the same time', async () => {
  const client = connect()
  for (let round = 1; round <= 10; round++) {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => client.commands.add({ id: `c-${n}`, by: 1 })),
    )
    expect(results.every(({ ok }) => ok)).toBe(true)
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => [
        await client.queries.total({ id: `c-${n}` }, { waitMs: 5_000 }),
        await client.queries.totalFromTables({ id: `c-${n}` }, { waitMs: 5_000 }),
      ]),
    )
    for (const { data, meta } of answers.flat()) {
      expect(data).toMatchObject({ total: round })
      expect(meta.behindToken).toBeUndefined()
    }
  }
})

test('a view is right at every moment while commands are on their way', async () => {
  const client = connect()
  await client.commands.add({ id: 'seen', by: 1 })
  const view = client.views.total({ id: 'seen' })
  const shown: number[] = []
  const stop = view.subscribe(() => {
    const { data } = view.getSnapshot()
    if (data != null) shown.push(data.total)
  })
  const live = client.live({ queries: ['total'] })
  await expect.poll(() => view.getSnapshot().data?.total).toBe(1)
  for (let n = 0; n < 15; n++) {
    const sending = client.commands.add(
      { id: 'seen', by: 1 },
      { optimistic: [view.patch((data) => data && { ...data, total: data.total + 1 })] },
    )
    expect(view.getSnapshot().data?.total).toBe(n + 2)
    await sending
    expect(view.getSnapshot().data?.total).toBe(n + 2)
  }
  await expect.poll(() => view.getSnapshot().pending).toBe(0)
  expect(view.getSnapshot().data?.total).toBe(16)
  // Never back, never twice.
  expect(shown).toEqual(shown.toSorted((a, b) => a - b))
  expect(Math.max(...shown)).toBe(16)
  live.close()
  stop()
})

test('a live client hears of what others write', async () => {
  const [mine, other] = [connect(), connect()]
  const view = mine.views.total({ id: 'heard' })
  const stop = view.subscribe(() => {})
  let connected = false
  const live = mine.live({ queries: ['total'], onConnected: (yes) => (connected = yes) })
  await expect.poll(() => connected).toBe(true)
  await other.commands.add({ id: 'heard', by: 7 })
  await expect.poll(() => view.getSnapshot().data?.total, { timeout: 10_000 }).toBe(7)
  live.close()
  stop()
})
