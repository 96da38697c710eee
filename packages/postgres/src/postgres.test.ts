import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import type { OpenWriteSide } from 'tailrace/adapter'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../../../test/support/postgres.ts'
import { Order, shop, shopTables } from '../../../test/support/shop-app.ts'
import { newOrder } from '../../../test/support/shop-batch.ts'
import { systemClock } from '../../tailrace/src/run/system-clock.ts'
import { postgres, type PostgresOptions } from './postgres.ts'

let database: FreshDatabase
let admin: Pool
const open = new Set<OpenWriteSide>()

beforeAll(async () => {
  database = await freshDatabase()
  admin = new Pool({ connectionString: database.url, max: 2 })
  await admin.query(shopTables)
})

afterEach(async () => {
  for (const side of open) await side.close()
  open.clear()
})

afterAll(async () => {
  await admin.end()
  await database.drop()
})

async function opened(options: Partial<PostgresOptions> = {}): Promise<OpenWriteSide> {
  const warnings = () => undefined
  const side = await postgres({ url: database.url, onWarning: warnings, ...options }).open(shop, {
    clock: systemClock(),
  })
  open.add(side)
  return side
}

const openIt = (options: Partial<PostgresOptions>) => opened(options).then(() => 'opened')

test('opens on an empty schema, commits, and finds the command in the log', async () => {
  const side = await opened()
  const order = newOrder()
  const { xid } = await side.store.commit(order)
  await side.ping()
  expect(await side.log.resolve([xid])).toEqual(['pending'])
  const sequencer = await side.sequencer.acquire()
  expect(await sequencer!.step(sequencer!.cursor, 100)).toMatchObject({ assigned: 1 })
  await sequencer!.release()
  expect((await side.log.head()).position).toBe(1n)
})

test('keeps its tables in a schema of another name', async () => {
  const side = await opened({ schema: 'engine_room' })
  await side.store.commit(newOrder())
  expect((await admin.query('select count(*)::int as n from engine_room.event_log')).rows).toEqual([
    { n: 1 },
  ])
  await expect(openIt({ schema: 'Not a name' })).rejects.toMatchObject({ code: 'CONFIG' })
})

test("works on the user's own pool, in any time zone, and leaves it open", async () => {
  const pool = new Pool({
    connectionString: database.url,
    max: 3,
    options: '-c timezone=Asia/Tokyo -c datestyle=German',
  })
  const side = await opened({ url: undefined, pool })
  const order = newOrder()
  await side.store.commit(order)
  const id = String(order.rows[0]!.id)
  const loaded = await side.store.load([{ aggregate: Order, id }], [])
  expect(loaded.aggregates[0]?.root).toEqual(order.rows[0]!.row)
  expect(Math.abs(Date.parse(side.store.now()) - Date.now())).toBeLessThan(3_600_000)
  await side.close()
  expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  await pool.end()
})

test('wants a url or a pool', async () => {
  await expect(openIt({ url: undefined })).rejects.toMatchObject({ code: 'CONFIG' })
})

test('opens in several processes at once', async () => {
  const sides = await Promise.all([1, 2, 3].map(() => opened({ schema: 'crowded' })))
  await Promise.all(sides.map(({ store }) => store.commit(newOrder())))
  expect((await admin.query('select count(*)::int as n from crowded.event_log')).rows).toEqual([
    { n: 3 },
  ])
})

test('refuses tables that disagree with the app', async () => {
  const other = await freshDatabase()
  await expect(openIt({ url: other.url })).rejects.toMatchObject({ code: 'CATALOG_MISMATCH' })
  await other.drop()
})

test('refuses a database where commits are not durable or not possible, and says what to do', async () => {
  const other = await freshDatabase()
  const name = new URL(other.url).pathname.slice(1)
  await admin.query(`alter database ${name} set synchronous_commit = off`)
  await expect(openIt({ url: other.url })).rejects.toMatchObject({
    code: 'DATABASE_UNSUITABLE',
    message: expect.stringContaining('synchronous_commit'),
  })
  await admin.query(
    `alter database ${name} reset synchronous_commit; alter database ${name} set default_transaction_read_only = on`,
  )
  await expect(openIt({ url: other.url })).rejects.toMatchObject({ code: 'DATABASE_UNSUITABLE' })
  await other.drop()
})

test('refuses a database that cannot hold every text', async () => {
  const name = `latin_${randomUUID().slice(0, 8)}`
  await admin.query(`create database ${name} template template0 encoding 'LATIN1' locale 'C'`)
  const url = new URL(database.url)
  url.pathname = `/${name}`
  await expect(openIt({ url: url.href })).rejects.toMatchObject({
    code: 'DATABASE_UNSUITABLE',
    message: expect.stringContaining('UTF8'),
  })
  await admin.query(`drop database ${name}`)
})

test('reports a server that does not flush to disk', async () => {
  const heard: string[] = []
  await opened({ onWarning: (text) => heard.push(text) })
  const { rows } = await admin.query(`select current_setting('fsync') as fsync`)
  expect(heard).toEqual(rows[0].fsync === 'off' ? [expect.stringContaining('fsync = off')] : [])
})

test('says that the server does not answer', async () => {
  await expect(openIt({ url: 'postgres://nobody@127.0.0.1:1/none' })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
})

test('says why the server does not let it in', async () => {
  const missing = new URL(database.url)
  missing.pathname = '/nowhere'
  await expect(openIt({ url: missing.href })).rejects.toMatchObject({
    code: 'DATABASE_UNSUITABLE',
    message: expect.stringContaining('"nowhere" does not exist'),
  })
})

test('closes once, and refuses use after it', async () => {
  const side = await opened()
  await Promise.all([side.close(), side.close()])
  await expect(side.ping()).rejects.toMatchObject({ code: 'ADAPTER_CLOSED' })
  await expect(side.store.commit(newOrder())).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(() => side.ringDoorbell()).not.toThrow()
})

test('rings in another process, outside of any command', async () => {
  const [one, two] = await Promise.all([opened(), opened()])
  const rung = Promise.withResolvers<void>()
  two.onDoorbell(() => rung.resolve())
  one.ringDoorbell()
  await rung.promise
})
