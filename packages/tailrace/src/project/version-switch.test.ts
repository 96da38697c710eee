import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection } from '../index.ts'
import { postgresTables } from '../../../postgres/src/read/postgres-tables.ts'
import type { ReadStore } from '../ports/read-store.ts'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { openReadable } from './version-switch.ts'

const Happened = event('Happened', z.object({}))
const history = '00000000000000aa/1'

function model(version: number, document: z.ZodObject) {
  return projection('model', {
    version,
    from: [Happened],
    document,
    key: (e) => e.stream,
    on: { Happened: () => ({}) as never },
  })
}

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

test('readers use the live version while this code can read it, else the declared one', async () => {
  const one = z.object({ a: z.string() })
  const before = model(1, one)
  await store.open(before, history)
  expect(await openReadable(before, store, history)).toMatchObject({ live: undefined, version: 1 })
  await store.switchTo('model', 1)
  // Only handlers changed: the documents of version 1 are as good as they were.
  expect(await openReadable(model(2, one), store, history)).toMatchObject({ live: 1, version: 1 })
  // Documents changed: this code would misread them.
  const other = model(3, z.object({ a: z.string(), b: z.int() }))
  expect(await openReadable(other, store, history)).toMatchObject({ live: 1, version: 3 })
  await store.switchTo('model', 3)
  expect(await openReadable(before, store, history)).toMatchObject({ live: 3, version: 1 })
})

test('the same version with other documents is refused: it needs a higher version', async () => {
  await expect(store.open(model(1, z.object({ a: z.int() })), history)).rejects.toMatchObject({
    code: 'CONFIG',
    message: expect.stringContaining('higher version'),
  })
})

test('a version that another process dropped is made anew at the next opening', async () => {
  const def = { ...model(1, z.object({ a: z.string() })), name: 'dropped' }
  const here = await store.open(def, history)
  const elsewhere = postgresTables({ url: database.url })
  await elsewhere.drop('dropped', 1)
  await elsewhere.close()
  await expect(here.load(['x'])).rejects.toMatchObject({ code: '42P01' })
  expect((await (await store.open(def, history)).load(['x'])).size).toBe(0)
})
