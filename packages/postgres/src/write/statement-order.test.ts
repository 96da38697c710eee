import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { WriteBatch } from 'tailrace/adapter'
import {
  accountRow,
  batch,
  change,
  command,
  happened,
  lineRow,
  newOrder,
  noted,
  orderRow,
} from '../../../../test/support/shop-batch.ts'
import { shopDatabase, type ShopDatabase } from '../../../../test/support/shop-store.ts'
import { Account, Order } from '../../../../test/support/shop-app.ts'

// In which order a statement locks and writes. Inside a window of the sequencer, events stand by id: ids must be given
// after the last lock was waited for.

let database: ShopDatabase

beforeAll(async () => {
  database = await shopDatabase()
})

afterAll(() => database.drop())

/** An order with a parcel. */
async function withParcel(parcel: string): Promise<string> {
  const store = await database.store()
  const id = randomUUID()
  await store.commit(newOrder(id))
  await store.commit(batch({ rows: [parcelOf('insert', id, parcel)] }))
  return id
}

const parcelOf = (op: 'insert' | 'delete', id: string, parcel: string) =>
  change(op, id, 'parcels', { id: parcel, orderId: id, line: 1, tracking: 't' })

/** The batch with one more row change. */
const also = (more: ReturnType<typeof parcelOf>, to: WriteBatch) => ({
  ...to,
  rows: [...to.rows, more],
})

async function waiting(many: number): Promise<void> {
  await expect
    .poll(() =>
      database.one<number>(
        `select count(*)::int from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0`,
      ),
    )
    .toBe(many)
}

test('the event of who takes a key stands behind the event of who freed it', async () => {
  const parcel = randomUUID()
  const from = await withParcel(parcel)
  const to = randomUUID()
  const store = await database.store()
  await store.commit(newOrder(to))
  await store.commit(batch({ rows: [accountRow('insert', 'held', 1, 0)] }))

  const holder = await database.pool.connect()
  await holder.query(`begin; select from accounts where id = 'held' for update`)
  // Deletes the parcel's row, then waits for the account.
  const freeing = noted(from, 1, 'freed')
  const freed = store.commit({
    ...also(parcelOf('delete', from, parcel), freeing),
    rows: [
      ...also(parcelOf('delete', from, parcel), freeing).rows,
      accountRow('update', 'held', 2, 0),
    ],
    guards: [...freeing.guards, { aggregate: Account, id: 'held', expected: 1 }],
  })
  await waiting(1)
  const taken = store.commit(also(parcelOf('insert', to, parcel), noted(to, 1, 'taken')))
  await waiting(2)
  await holder.query('commit')
  holder.release()
  await Promise.all([freed, taken])

  const { rows } = await database.pool.query<{ stream: string }>(
    `select aggregateid as stream from tailrace.event_log where version = 2 order by id`,
  )
  expect(rows.map(({ stream }) => (stream === from ? 'freed' : 'taken'))).toEqual([
    'freed',
    'taken',
  ])
})

test('the event of who makes an aggregate again stands behind the event of its removal', async () => {
  const id = randomUUID()
  const store = await database.store()
  await store.commit(batch({ rows: [accountRow('insert', id, 1, 0)] }))
  await store.commit(batch({ rows: [accountRow('insert', `${id} held`, 1, 0)] }))
  const holder = await database.pool.connect()
  await holder.query(`begin; select from accounts where id = '${id} held' for update`)
  const removed = store.commit(
    batch({
      rows: [accountRow('delete', id, 1, 0), accountRow('delete', `${id} held`, 1, 0)],
      guards: [id, `${id} held`].map((one) => ({ aggregate: Account, id: one, expected: 1 })),
      events: [happened(id, { version: 2, type: 'Removed' })],
    }),
  )
  await waiting(1)
  const made = store.commit(
    batch({
      rows: [accountRow('insert', id, 1, 0)],
      events: [happened(id, { type: 'Made' })],
      commands: [command(id)],
    }),
  )
  await waiting(2)
  await holder.query('commit')
  holder.release()
  await Promise.all([removed, made])

  const { rows } = await database.pool.query<{ type: string }>(
    `select type from tailrace.event_log where aggregateid = $1 order by id`,
    [id],
  )
  expect(rows.map(({ type }) => type)).toEqual(['Removed', 'Made'])
})

test('a removal waits for whoever changes the aggregate, before it touches child rows', async () => {
  const id = await withParcel(randomUUID())
  const store = await database.store()
  let removed: Promise<unknown> = Promise.resolve()
  await store.transaction(async (tx) => {
    await tx.lock({ aggregate: Order, id })
    removed = expect(
      store.commit(
        batch({
          rows: [
            change('delete', id, 'lines', lineRow(id, 2)),
            change('delete', id, 'order', orderRow(id)),
          ],
          guards: [{ aggregate: Order, id, expected: 1 }],
        }),
      ),
    ).rejects.toMatchObject({ kind: 'version' })
    await waiting(1)
    const next = noted(id, 1, 'changed')
    return {
      commit: also(change('delete', id, 'lines', lineRow(id, 2)), next),
      value: undefined,
    }
  })
  await removed
})
