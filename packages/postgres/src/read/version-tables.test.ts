import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection } from 'tailrace'
import type { ReadStore } from 'tailrace/adapter'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { postgresTables } from './postgres-tables.ts'

const Happened = event('Happened', z.object({}))
const docs = (name: string, version: number) =>
  projection(name, {
    version,
    from: [Happened],
    document: z.object({ n: z.int() }),
    key: (e) => e.stream,
    on: { Happened: () => null },
  })
const history = '00000000000000aa/1'

let database: FreshDatabase
let store: ReadStore
/** A process that is not the one that drops. */
let elsewhere: ReadStore
let client: Client
/** Holds locks. */
let holder: Client
beforeAll(async () => {
  database = await freshDatabase()
  store = postgresTables({ url: database.url })
  elsewhere = postgresTables({ url: database.url })
  client = new Client({ connectionString: database.url })
  holder = new Client({ connectionString: database.url })
  await Promise.all([client.connect(), holder.connect()])
})
afterAll(async () => {
  await Promise.all([client.end(), holder.end()])
  await store.close()
  await elsewhere.close()
  await database.drop()
})

/** Two versions, of which the second is live. */
async function twoVersions(name: string): Promise<void> {
  for (const version of [1, 2]) await store.open(docs(name, version), history)
  await store.switchTo(name, 2)
  await elsewhere.ping()
}

function waiting(count: number): Promise<void> {
  return expect
    .poll(async () => {
      const { rows } = await client.query(
        "select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      )
      return rows[0].waiting as number
    })
    .toBeGreaterThanOrEqual(count)
}

test('readers cannot be switched to a version that is being dropped', async () => {
  await twoVersions('falling')
  // Somebody still reads the old version, such as a long report.
  await holder.query('begin; select count(*) from tailrace_read.falling_v1')
  const dropping = store.drop('falling', 1)
  await waiting(1)
  const switching = elsewhere.switchTo('falling', 1).catch((error: { code: string }) => error.code)
  await waiting(2)
  await holder.query('commit')
  await dropping
  expect(await switching).toBe('PROJECTION_UNKNOWN')
  expect(await elsewhere.liveVersion('falling')).toBe(2)
  expect(await elsewhere.versions('falling')).toEqual([2])
})

test('a version is not dropped when readers are switched to it meanwhile', async () => {
  await twoVersions('rising')
  // Holds the switch between its look at the version and its end.
  await holder.query('begin; select from tailrace_read.read_model for update')
  const switching = elsewhere.switchTo('rising', 1)
  await waiting(1)
  const dropping = store.drop('rising', 1).catch((error: { code: string }) => error.code)
  await waiting(2)
  await holder.query('commit')
  expect(await switching).toBe(true)
  expect(await dropping).toBe('CONFIG')
  expect(await elsewhere.versions('rising')).toEqual([1, 2])
  const reader = (await elsewhere.open(docs('rising', 1), history)).reader() as unknown as {
    get(key: string): Promise<unknown>
  }
  expect(await reader.get('a')).toBeUndefined()
})
