import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runningOrders, runSql, type RunningOrders } from '../../../test/support/running-orders.ts'
import { support } from '../order-fixture.ts'
import type { ImportSummary, RejectedRow } from './import-report.ts'
import { importRetail, rejectedFile } from './import-retail.ts'
import { survey } from './retail-offers.ts'
import { retailFile, retailRows, type RetailRow, type UnreadableRow } from './retail-rows.ts'
import { sourceId } from './source-id.ts'

// The beginning of the real data set, into the real system.
const folder = join(import.meta.dirname, '../../../../shared/data/online-retail')
const missing = !existsSync(join(folder, retailFile))
if (missing)
  console.log(
    'not run: online-retail is not at ../shared/data/online-retail; the import into a real system is not tested',
  )

let dataDir: string
let orders: RunningOrders
/** How many of the rows this file looks at. */
const rows = 8_000
beforeAll(async () => {
  if (missing) return
  dataDir = mkdtempSync(join(tmpdir(), 'import-'))
  const { offers } = await survey(beginning(rows))
  orders = await runningOrders({ offers })
})
afterAll(async () => {
  if (missing) return
  await orders.stop()
  rmSync(dataDir, { recursive: true })
})

async function* beginning(count: number): AsyncGenerator<RetailRow | UnreadableRow> {
  for await (const row of retailRows(folder)) {
    if (row.row > count) return
    yield row
  }
}

function run(limit: number): Promise<ImportSummary> {
  return importRetail({ engine: orders.engine, folder, dataDir, rows, limit })
}

interface Count {
  readonly orders: number
  readonly items: number
  readonly events: string
  readonly total: string
}

async function counts(): Promise<Count> {
  const [row] = await runSql<Count>(
    orders.write.url,
    `select (select count(*)::int from orders) as orders, (select count(*)::int from order_items) as items,
       (select count(*)::text from tailrace.event_log) as events, (select sum(total_minor)::text from orders) as total`,
  )
  return row!
}

test.skipIf(missing)(
  'imports orders, payments and credits with their dates, and reports every row',
  { timeout: 120_000 },
  async () => {
    const summary = await run(4_000)
    expect(summary.rows).toBeLessThanOrEqual(4_000)
    const rejected = readFileSync(rejectedFile(dataDir), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as RejectedRow)
    expect(summary.accepted + rejected.length).toBe(summary.rows)
    expect(Object.keys(summary.rejected).toSorted()).toEqual([
      'STOCK_ADJUSTMENT',
      'UNMATCHED_CREDIT',
    ])
    expect(new Set(rejected.map(({ code }) => code))).toEqual(
      new Set(Object.keys(summary.rejected)),
    )
    const { orders: placed, items } = await counts()
    expect(placed).toBeGreaterThan(150)
    expect(items).toBeGreaterThan(3_500)
    const [credit] = await runSql<{ credited: number }>(
      orders.write.url,
      'select sum(qty_cancelled)::int as credited from order_items',
    )
    expect(credit!.credited).toBeGreaterThan(0)
    const orderId = sourceId('online-retail', 'invoice', '536365')
    const token = await orders.done('requestCancellation', support, {
      orderId,
      reason: 'wants to see it',
    })
    expect(await orders.ask('order', support, { orderId }, token)).toMatchObject({
      reference: '536365',
      customerId: '17850',
      status: 'paid',
      currency: 'GBP',
      totalMinor: 13_912,
      paidMinor: 13_912,
      placedAt: '2010-12-01T08:26:00.000Z',
      lines: {
        0: {
          sku: '85123A',
          title: 'WHITE HANGING HEART T-LIGHT HOLDER',
          quantity: 6,
          unitMinor: 255,
        },
      },
    })
  },
)

test.skipIf(missing)(
  'importing again changes nothing, and a longer import continues',
  { timeout: 120_000 },
  async () => {
    const first = await run(4_000)
    const before = await counts()
    const { seconds: _, ...again } = await run(4_000)
    expect(again).toEqual({ ...first, seconds: undefined })
    expect(await counts()).toEqual(before)
    const longer = await run(5_000)
    expect(longer.rows).toBeGreaterThan(first.rows)
    expect((await counts()).orders).toBeGreaterThan(before.orders)
    expect(longer.rejected['IDEMPOTENCY_KEY_REUSED']).toBeUndefined()
  },
)

test.skipIf(missing)(
  'totals of the write model are the accepted rows, in whole pence',
  { timeout: 120_000 },
  async () => {
    const { gross } = await run(5_000)
    // Within the first 5,000 rows no price has three decimals and no rejected row has one at all.
    expect(Number((await counts()).total)).toBe(Math.round(Number(gross) * 100))
  },
)

test.skipIf(missing)(
  'a credit for what was shipped meanwhile becomes a return',
  { timeout: 120_000 },
  async () => {
    const shippedAll = await runSql<{ id: string; items: { line: number }[] }>(
      orders.write.url,
      `select o.id::text, jsonb_agg(jsonb_build_object('line', line)) as items from orders o join order_items i on i.order_id = o.id
     where o.status = 'paid' and i.qty > i.qty_cancelled group by o.id`,
    )
    const deliver = async ({ id, items }: (typeof shippedAll)[number]): Promise<void> => {
      const shipment = { orderId: id, shipmentId: id }
      await orders.done('shipItems', support, { ...shipment, items, carrier: 'DHL', tracking: 'X' })
      await orders.done('confirmDelivery', support, shipment)
    }
    await Promise.all(shippedAll.map(deliver))
    const before = await runSql<{ returns: number }>(
      orders.write.url,
      "select count(*)::int as returns from shipments where direction = 'return'",
    )
    expect(before[0]!.returns).toBe(0)
    await run(8_000)
    const after = await runSql<{ returns: number }>(
      orders.write.url,
      "select count(*)::int as returns from shipments where direction = 'return'",
    )
    expect(after[0]!.returns).toBeGreaterThan(0)
  },
)
