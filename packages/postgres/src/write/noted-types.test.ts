import { afterEach, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { shop, shopTables } from '../../../../test/support/shop-app.ts'
import { newOrder } from '../../../../test/support/shop-batch.ts'
import { quietPool } from '../../../../test/support/event-log.ts'
import { testClock } from '../../../tailrace/src/testing/test-clock.ts'
import { postgresLogTypes } from '../log/log-types.ts'
import { readCatalog } from '../catalog/catalog.ts'
import { migrate } from '../migrate.ts'
import { PostgresWriteStore } from './postgres-write-store.ts'

let closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.toReversed()) await close()
  closing = []
})

async function opened() {
  const database: FreshDatabase = await freshDatabase()
  closing.push(() => database.drop())
  const pool = quietPool({ connectionString: database.url, max: 4 })
  closing.push(() => pool.end())
  await pool.query(shopTables)
  await migrate(pool)
  const catalog = await readCatalog(pool, shop.aggregates.values())
  const clock = testClock()
  const schema = 'tailrace'
  const store = new PostgresWriteStore({ pool, schema, catalog, clock })
  return { pool, clock, store, types: postgresLogTypes({ pool }) }
}

/** An order whose event is called something, of a version. */
function orderOf(type: string, schemaVersion = 1) {
  const order = newOrder()
  return { ...order, events: order.events.map((event) => ({ ...event, type, schemaVersion })) }
}

test('the types of the log are known without looking into it, however events were written', async () => {
  const { store, types } = await opened()
  expect(await types.recorded()).toEqual([])
  await store.commit(orderOf('ByBatch'))
  await store.commit(orderOf('ByBatch', 3))
  await store.commit(orderOf('ByBatch', 2))
  await store.commitEach([orderOf('Each'), orderOf('EachOther')])
  await store.transaction(async () => ({ commit: orderOf('ByTransaction'), value: undefined }))
  expect(await types.recorded()).toEqual([
    { type: 'ByBatch', version: 3 },
    { type: 'ByTransaction', version: 1 },
    { type: 'Each', version: 1 },
    { type: 'EachOther', version: 1 },
  ])
})

test('a type is noted once, and again some time after a restore may have taken it away', async () => {
  const { store, types, pool, clock } = await opened()
  await store.commit(orderOf('Known'))
  await pool.query('delete from tailrace.event_type')
  await store.commit(orderOf('Known'))
  expect(await types.recorded()).toEqual([])
  clock.advance(60_001)
  await store.commit(orderOf('Known'))
  expect(await types.recorded()).toEqual([{ type: 'Known', version: 1 }])
})

test('types of a log that was written before they were noted are there', async () => {
  const { store, types, pool } = await opened()
  await store.commit(orderOf('Old', 2))
  await pool.query(
    `drop table tailrace.event_type, tailrace.projection_version, tailrace.reactor_types;
     delete from tailrace.migration where name = '0004-event-types'`,
  )
  expect(await migrate(pool)).toEqual(['0004-event-types'])
  expect(await types.recorded()).toEqual([{ type: 'Old', version: 2 }])
})

test('what a reactor handles is what the last process said of it', async () => {
  const { types } = await opened()
  expect(await types.reacts('letters', ['A'])).toBeUndefined()
  expect(await types.reacts('letters', ['A', 'B'])).toEqual(['A'])
  expect(await types.reacts('mails', [])).toBeUndefined()
  expect(await types.reacts('letters', [])).toEqual(['A', 'B'])
})

test('what a version of a read model handles is what the first process said of it', async () => {
  const { types } = await opened()
  const totals = (version: number, ...handled: string[]) => ({
    projection: 'totals',
    version,
    types: handled,
  })
  expect(await types.handled([])).toEqual([])
  const said = await Promise.all([
    types.handled([totals(1, 'A')]),
    types.handled([totals(1, 'B')]),
    types.handled([totals(2, 'A', 'it’s "odd", {}'), totals(3)]),
  ])
  expect(said[0]).toEqual(said[1])
  expect(said[2]!.toSorted((a, b) => a.version - b.version)).toEqual([
    totals(2, 'A', 'it’s "odd", {}'),
    totals(3),
  ])
})
