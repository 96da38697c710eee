import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newOrder, noted } from '../../../../test/support/shop-batch.ts'
import {
  shopDatabase,
  shopExecutor,
  type ShopDatabase,
} from '../../../../test/support/shop-store.ts'
import type { SqlPool } from '../sql-pool.ts'

let database: ShopDatabase

beforeAll(async () => {
  database = await shopDatabase()
  // Notes the locks of each transaction that wrote a command record, at the end of its commit.
  await database.pool.query(`
    create table seen_locks (locktype text, mode text, relation text, database oid);
    create function note_locks() returns trigger language plpgsql as $$
    begin
      insert into seen_locks select locktype, mode, relation::regclass::text, database from pg_locks where pid = pg_backend_pid();
      return null;
    end $$;
    create constraint trigger note_locks after insert on tailrace.command_record
      deferrable initially deferred for each row execute function note_locks()`)
})

afterAll(() => database.drop())

test('takes no lock in a command that others would have to queue for: no NOTIFY, no advisory lock, no table lock', async () => {
  const store = await database.store()
  const executor = shopExecutor(store)
  const ids = Array.from({ length: 20 }, () => randomUUID())
  const lines = [{ sku: 'A', quantity: 1, unitMinor: 1 }]
  await Promise.all(
    ids.map((orderId) => executor.submit('placeOrder', { orderId, customer: 'c', lines })),
  )
  await Promise.all(ids.map((orderId) => executor.submit('note', { orderId, note: 'n' })))
  await Promise.all(ids.map((orderId) => executor.submit('removeOrder', { orderId })))
  await store.commitEach([newOrder(ids[0]), noted(ids[0]!, 1, 'x')])
  await executor.submit('move', { account: 'a', by: 5 })
  expect(await executor.submit('transfer', { from: 'a', to: 'b', amount: 1 })).toMatchObject({
    kind: 'committed',
  })
  expect(await database.one('select count(*)::int from seen_locks')).toBeGreaterThan(100)
  // NOTIFY locks "database 0" as an object until its commit is flushed.
  const heavy = await database.pool.query(`
    select distinct locktype, mode, relation from seen_locks
    where locktype in ('advisory', 'object', 'userlock')
      or (locktype = 'relation' and mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'SIReadLock'))`)
  expect(heavy.rows).toEqual([])
})

test('sees such a lock when there is one', async () => {
  const noisy: SqlPool = {
    async connect() {
      const client = await database.pool.connect()
      return {
        query: async (statement) => {
          if (statement.text.startsWith('with')) {
            await client.query(`begin; notify everybody; select pg_advisory_xact_lock(1)`)
            const result = await client.query(statement as never)
            await client.query('commit')
            return result as never
          }
          return (await client.query(statement as never)) as never
        },
        release: (destroy) => client.release(destroy),
        on: () => undefined,
        removeListener: () => undefined,
      }
    },
  }
  await database.pool.query('truncate seen_locks')
  await (await database.store({ pool: noisy })).commit(newOrder())
  const types = await database.pool.query(
    `select distinct locktype from seen_locks where locktype in ('advisory', 'object') order by 1`,
  )
  expect(types.rows.map(({ locktype }) => locktype)).toContain('advisory')
})

test('sends a batch and its commit in one round trip, and no statement that notifies', async () => {
  const sent: string[] = []
  const counting: SqlPool = {
    async connect() {
      const client = await database.pool.connect()
      return {
        query: (statement) => {
          sent.push(statement.text)
          return client.query(statement as never) as never
        },
        release: (destroy) => client.release(destroy),
        on: (event, listener) => client.on(event, listener),
        removeListener: (event, listener) => client.removeListener(event, listener),
      }
    },
  }
  const store = await database.store({ pool: counting })
  // The first event of its type, which is noted in a statement of its own.
  await store.commit(newOrder())
  sent.length = 0
  const order = newOrder()
  await store.commit(order)
  expect(sent.map((text) => text.slice(0, 7))).toEqual(['with s0'])
  await store.commit(order).catch(() => undefined)
  await store.commitEach([newOrder(), newOrder(), order])
  await store.transaction(async (tx) => {
    await tx.write(newOrder())
    return { commit: newOrder(), value: undefined }
  })
  await store.load([], [order.commands[0]!.commandId])
  expect(sent.length).toBeGreaterThan(15)
  expect(sent.filter((text) => /notify|listen|advisory|lock table/i.test(text))).toEqual([])
})
