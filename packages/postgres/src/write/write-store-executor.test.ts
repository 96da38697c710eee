import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  shopDatabase,
  shopExecutor,
  type ShopDatabase,
} from '../../../../test/support/shop-store.ts'

let database: ShopDatabase

beforeAll(async () => {
  database = await shopDatabase()
})

afterAll(() => database.drop())

const lines = [
  { sku: 'A', quantity: 1, unitMinor: 1_000 },
  { sku: 'B', quantity: 2, unitMinor: 250 },
]

test('commits a command: rows, event, record and timer, in one transaction', async () => {
  const executor = shopExecutor(await database.store())
  const orderId = randomUUID()
  const outcome = await executor.submit('placeOrder', { orderId, customer: 'ann', lines })
  expect(outcome).toMatchObject({
    kind: 'committed',
    aggregateId: orderId,
    version: 1,
    replayed: false,
  })
  const xids = await database.pool.query(
    `select o.xmin::text::bigint as a, (l.xmin)::text::bigint as b, e.xid::text::bigint % (1::bigint << 32) as c, r.xid::text::bigint % (1::bigint << 32) as d, t.xmin::text::bigint as e
     from orders o join order_lines l on l.order_id = o.id join tailrace.event_log e on e.aggregateid = o.id::text
     join tailrace.command_record r on r.aggregate_id = o.id::text join tailrace.timer t on t.stream = o.id::text where o.id = $1`,
    [orderId],
  )
  expect(xids.rows).toHaveLength(2)
  for (const row of xids.rows) expect(new Set(Object.values(row)).size).toBe(1)
})
