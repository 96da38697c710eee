import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { validateNow } from 'tailrace/adapter'
import { foldLog, type LoggedEvent } from 'tailrace/testing'
import { runningOrders, runSql, type RunningOrders } from '../../test/support/running-orders.ts'
import {
  boeken,
  carla,
  keuken,
  lumen,
  placed,
  stranger,
  support,
  totalMinor,
} from './order-fixture.ts'
import type { AuditEntry } from './read/audit.ts'
import { seededOffers } from './seeded-offers.ts'
import { statuses } from './write/order-status.ts'
import { Order, type OrderRows } from './write/order.ts'

// The order system on real servers: what its queries answer, and to whom.

let orders: RunningOrders
const audit: AuditEntry[] = []
beforeAll(async () => {
  orders = await runningOrders({ audit: { record: (entry) => audit.push(entry) } })
})
afterAll(() => orders.stop())

function price(sku: string): number {
  return seededOffers().bySku.get(sku)!.unitMinor
}

interface Found {
  readonly items: readonly {
    readonly orderId: string
    readonly lines: readonly { readonly title: string }[]
  }[]
  readonly total: number
  readonly facets: { readonly status: Record<string, number> }
  readonly nextCursor: string | null
}

/** Places an order of the fixture's lines; paid when asked. */
async function place(over: object = {}, paid = false): Promise<{ orderId: string; token: string }> {
  const orderId = randomUUID()
  let token = await orders.done('placeOrder', support, { ...placed, ...over, orderId })
  if (paid)
    token = await orders.done('registerPayment', support, {
      orderId,
      paymentId: randomUUID(),
      method: 'card',
      amountMinor: totalMinor,
      currency: 'EUR',
    })
  return { orderId, token }
}

test('the examples of all commands and queries work in the order they stand, and answer what they declare', async () => {
  const { commands, queries } = orders.engine.app
  let token = ''
  for (const command of Object.values(commands)) {
    for (const { input, as } of command.examples) {
      const outcome = await orders.engine.command(command.name, input, { actor: as })
      expect(outcome, command.name).toMatchObject({ kind: 'committed' })
      if (outcome.kind === 'committed') token = outcome.token
    }
  }
  for (const query of Object.values(queries)) {
    expect(query.examples.length, query.name).toBeGreaterThan(0)
    for (const { input, as } of query.examples) {
      const outcome = await orders.engine.query(query.name, input, {
        actor: as,
        tokens: [token],
        waitMs: 5_000,
      })
      expect(outcome, query.name).toMatchObject({ kind: 'answer', meta: { stale: false } })
      if (outcome.kind === 'answer')
        expect(validateNow(query.output!, outcome.data), query.name).toMatchObject({ ok: true })
    }
  }
})

test('the write model has four tables, with indexes of primary keys and foreign keys only', async () => {
  const rows = await runSql<{
    table: string
    index: string
    primary: boolean
    columns: string[]
    keys: string[][]
  }>(
    orders.write.url,
    `select c.relname as table, i.relname as index, x.indisprimary as primary,
       array(select attname::text from unnest(x.indkey) with ordinality k(n, o) join pg_attribute a on a.attrelid = c.oid and a.attnum = k.n order by k.o) as columns,
       array(select to_jsonb(array(select attname from unnest(f.conkey) with ordinality k(n, o) join pg_attribute a on a.attrelid = c.oid and a.attnum = k.n order by k.o)) from pg_constraint f where f.conrelid = c.oid and f.contype = 'f') as keys
     from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
     where c.relnamespace = 'public'::regnamespace`,
  )
  expect(rows.map(({ index }) => index).toSorted()).toEqual([
    'order_items_order_id',
    'order_items_pkey',
    'orders_pkey',
    'payments_pkey',
    'shipments_pkey',
  ])
  for (const { primary, columns, keys } of rows)
    expect(primary || keys.some((key) => key.join() === columns.join())).toBe(true)
  const tables = await runSql<{ name: string }>(
    orders.write.url,
    "select tablename as name from pg_tables where schemaname = 'public' order by 1",
  )
  expect(tables.map(({ name }) => name)).toEqual(['order_items', 'orders', 'payments', 'shipments'])
})

describe('who sees what', () => {
  let mine: { orderId: string; token: string }
  beforeAll(async () => {
    mine = await place({}, true)
  })

  test('an order is seen by its customer and support whole, by its sellers in part, by nobody else', async () => {
    const see = (actor: typeof carla) =>
      orders.ask<{ lines: { line: number }[]; payments: unknown[]; totalMinor: number } | null>(
        'order',
        actor,
        { orderId: mine.orderId },
        mine.token,
      )
    expect(await see(carla)).toMatchObject({
      totalMinor,
      lines: [{ line: 1 }, { line: 2 }, { line: 3 }],
      payments: [{ method: 'card' }],
    })
    expect(await see(support)).toEqual(await see(carla))
    expect(await see(keuken)).toMatchObject({
      totalMinor: 3 * 1_295,
      lines: [{ line: 3 }],
      payments: [],
    })
    expect(await see(boeken)).toBeNull()
    expect(await see(stranger)).toBeNull()
    expect(await see({ role: 'gardener', id: carla.id })).toBeNull()
  })

  test('the status is seen by the same people', async () => {
    const see = (actor: typeof carla) =>
      orders.ask('orderStatus', actor, { orderId: mine.orderId }, mine.token)
    const answers = await Promise.all([carla, support, keuken, boeken, stranger].map(see))
    expect(answers.map((answer) => answer !== null)).toEqual([true, true, true, false, false])
    const many = await orders.ask<unknown[]>(
      'orderStatuses',
      stranger,
      { orderIds: [mine.orderId, randomUUID()] },
      mine.token,
    )
    expect(many).toEqual([])
  })

  test('sellers find by their own titles only, and no count tells of the others’', async () => {
    const find = (actor: typeof carla, text: string) =>
      orders.ask<Found>('searchOrders', actor, { text }, mine.token)
    expect(
      (await find(lumen, 'lamp')).items
        .flatMap(({ lines }) => lines.map(({ title }) => title))
        .every((title) => /lamp/i.test(title)),
    ).toBe(true)
    const leak = await find(keuken, 'lamp')
    expect(leak).toMatchObject({ items: [], total: 0 })
    expect(Object.values(leak.facets.status)).toEqual(statuses.map(() => 0))
    expect((await find(keuken, 'saucepan')).total).toBeGreaterThan(0)
    expect(await find(boeken, 'lamp')).toMatchObject({ items: [], total: 0 })
  })

  test('asking for other people’s orders finds nothing, whatever the filter', async () => {
    const find = (actor: typeof carla, input: object) =>
      orders.ask<Found>('searchOrders', actor, input, mine.token)
    expect(await find(stranger, { customerId: carla.id })).toMatchObject({
      items: [],
      total: 0,
      nextCursor: null,
    })
    expect(await find(stranger, {})).toMatchObject({ total: 0 })
    expect(await find(keuken, { sellerId: lumen.id })).toMatchObject({ items: [], total: 0 })
    expect((await find(keuken, { customerId: carla.id })).items.length).toBeGreaterThan(0)
    expect((await find(carla, { sellerId: lumen.id })).items.length).toBeGreaterThan(0)
  })

  test.each([
    ['customerOrders', stranger, { customerId: 'c-1001' }],
    ['customerOrders', lumen, { customerId: 'c-1001' }],
    ['sellerQueue', keuken, { sellerId: 'lumen-living' }],
    ['sellerQueue', carla, { sellerId: 'lumen-living' }],
    ['operations', carla, {}],
    ['operations', lumen, {}],
  ])('%s is refused to %j', async (name, actor, input) => {
    expect(await orders.engine.query(name, input, { actor })).toMatchObject({
      kind: 'refused',
      code: 'NOT_ALLOWED',
    })
  })

  test('nothing is answered without an identity', async () => {
    for (const name of Object.keys(orders.engine.app.queries)) {
      expect(
        await orders.engine.query(name, {
          orderId: mine.orderId,
          orderIds: [mine.orderId],
          customerId: 'c',
          sellerId: 's',
        }),
      ).toMatchObject({ kind: 'refused' })
    }
  })

  test('every answer to support is audited, with the question', async () => {
    const orderId = randomUUID()
    await orders.ask('order', support, { orderId })
    await orders.ask('order', carla, { orderId })
    expect(
      audit.filter(({ input }) => (input as { orderId?: string }).orderId === orderId),
    ).toMatchObject([{ query: 'order', actor: support }])
  })
})

describe('searchOrders', () => {
  const shopper = 'c-search'
  let token = ''
  const found = (input: object) =>
    orders.ask<Found>('searchOrders', support, { customerId: shopper, ...input }, token)
  const ids: string[] = []
  beforeAll(async () => {
    for (let day = 1; day <= 5; day++) {
      const made = await place(
        { customerId: shopper, occurredAt: `2026-11-0${day}T10:00:00Z`, reference: `REF100${day}` },
        day > 2,
      )
      ids.push(made.orderId)
      token = made.token
    }
    const shipped = {
      orderId: ids[4],
      shipmentId: randomUUID(),
      items: [{ line: 1 }, { line: 2 }, { line: 3 }],
      carrier: 'DHL',
      tracking: '3SFINDME77',
    }
    token = await orders.done('shipItems', support, shipped)
  })

  test('finds the newest first, counts by status, and pages exactly', async () => {
    const all = await found({})
    expect(all.items.map(({ orderId }) => orderId)).toEqual(ids.toReversed())
    expect(all).toMatchObject({
      total: 5,
      nextCursor: null,
      facets: { status: { placed: 2, paid: 2, shipped: 1, cancelled: 0 } },
    })
    const pages: string[] = []
    let cursor: string | null | undefined
    do {
      const page: Found = await found({ limit: 2, ...(cursor == null ? {} : { cursor }) })
      pages.push(...page.items.map(({ orderId }) => orderId))
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(pages).toEqual(ids.toReversed())
  })

  test.each([
    ['a beginning of a title', { text: 'sauce' }, 5],
    ['words of two titles', { text: 'floor brass' }, 5],
    ['a tracking number', { text: '3SFINDME77' }, 1],
    ['a reference', { text: 'REF1004' }, 1],
    ['a status', { status: ['placed'] }, 2],
    ['two statuses', { status: ['placed', 'shipped'] }, 3],
    ['a product', { sku: 'KIT-1001' }, 5],
    ['another product', { sku: 'KIT-1002' }, 0],
    ['a seller', { sellerId: 'noord-keuken' }, 5],
    ['a time from', { placedFrom: '2026-11-03T11:00:00+01:00' }, 3],
    ['a time to, itself excluded', { placedTo: '2026-11-03T10:00:00Z' }, 2],
    ['what is late', { late: true }, 2],
    ['what is not late', { late: false }, 3],
    [
      'all of it together',
      {
        text: 'lamp',
        status: ['paid'],
        late: true,
        sku: 'LMP-1001',
        placedFrom: '2026-11-04T00:00:00Z',
      },
      1,
    ],
  ])('finds by %s', async (_, input, total) => {
    expect(await found(input)).toMatchObject({ total })
  })

  test('finds by the order’s number', async () => {
    expect((await found({ text: ids[2]! })).items.map(({ orderId }) => orderId)).toEqual([ids[2]])
  })

  test('counts other statuses although one is chosen', async () => {
    expect((await found({ status: ['placed'] })).facets.status).toMatchObject({
      placed: 2,
      paid: 2,
      shipped: 1,
    })
  })

  test('refuses a cursor of another search', async () => {
    expect(
      await orders.engine.query('searchOrders', { cursor: 'nonsense' }, { actor: support }),
    ).toMatchObject({ kind: 'refused', code: 'CURSOR_INVALID' })
  })
})

test('customerOrders lists a customer’s orders, the newest first, page by page', async () => {
  const ids: string[] = []
  let token = ''
  for (const day of [1, 2, 3]) {
    const made = await place({ customerId: 'c-list', occurredAt: `2026-10-0${day}T10:00:00Z` })
    ids.push(made.orderId)
    token = made.token
  }
  const customer = { role: 'customer', id: 'c-list' }
  const first = await orders.ask<Found>(
    'customerOrders',
    customer,
    { customerId: 'c-list', limit: 2 },
    token,
  )
  const rest = await orders.ask<Found>(
    'customerOrders',
    customer,
    { customerId: 'c-list', limit: 2, cursor: first.nextCursor },
    token,
  )
  expect([...first.items, ...rest.items].map(({ orderId }) => orderId)).toEqual(ids.toReversed())
  expect(rest.nextCursor).toBeNull()
})

test('sellerQueue has open lines, the most urgent first, and counts', async () => {
  const seller = { role: 'seller', id: 'kleine-reus' }
  const items = [
    { sku: 'KID-1001', quantity: 1 },
    { sku: 'KID-1002', quantity: 2 },
  ]
  interface Queue {
    readonly items: readonly {
      readonly orderId: string
      readonly line: number
      readonly dueAt: string
    }[]
    readonly counts: Record<string, number>
    readonly nextCursor: string | null
  }
  const waiting = await place({ items, occurredAt: '2026-11-02T10:00:00Z' })
  const late = await place({ items, occurredAt: '2026-11-01T10:00:00Z' })
  const pay = (orderId: string) =>
    orders.done('registerPayment', support, {
      orderId,
      paymentId: randomUUID(),
      method: 'card',
      amountMinor: price('KID-1001') + 2 * price('KID-1002'),
      currency: 'EUR',
    })
  await pay(late.orderId)
  const wish = { items: [{ line: 1 }], reason: 'x' }
  await orders.done('requestCancellation', support, { ...wish, orderId: waiting.orderId })
  const token = await orders.done('requestCancellation', support, {
    ...wish,
    orderId: late.orderId,
  })
  const page = await orders.ask<Queue>(
    'sellerQueue',
    seller,
    { sellerId: seller.id, limit: 3 },
    token,
  )
  expect(page.items.map(({ orderId, line }) => [orderId, line])).toEqual([
    [late.orderId, 1],
    [late.orderId, 2],
    [waiting.orderId, 1],
  ])
  expect(page.counts).toEqual({
    open: 4,
    awaitingPayment: 2,
    toShip: 1,
    cancellationRequested: 2,
    late: 2,
  })
  const next = await orders.ask<Queue>(
    'sellerQueue',
    seller,
    { sellerId: seller.id, cursor: page.nextCursor },
    token,
  )
  expect(next).toMatchObject({ items: [{ orderId: waiting.orderId, line: 2 }], nextCursor: null })
})

test('an unpaid order expires at its time, once, and a paid one does not', async () => {
  const expiresAt = new Date(Date.now() + 2_000).toISOString()
  const orderId = randomUUID()
  await orders.done('placeOrder', carla, { ...placed, orderId, expiresAt })
  const paid = await place({ expiresAt: new Date(Date.now() + 3_600_000).toISOString() }, true)
  const status = () =>
    orders.ask<{ status: string; version: number }>('orderStatus', carla, { orderId }, paid.token)
  await expect.poll(status, { timeout: 10_000 }).toMatchObject({ status: 'expired', version: 2 })
  const timers = await runSql<{ stream: string }>(
    orders.write.url,
    'select stream from tailrace.timer',
  )
  expect(timers.map(({ stream }) => stream)).not.toContain(paid.orderId)
})

test('operations add up to the orders that there are', async () => {
  const { token } = await place()
  const { total } = await orders.ask<Found>('searchOrders', support, { limit: 1 }, token)
  const { byStatus, late } = await orders.ask<{
    byStatus: Record<string, number>
    late: { orders: number; open: number; percent: number }
  }>('operations', support, {}, token)
  const overdue = await orders.ask<Found>('searchOrders', support, { late: true }, token)
  expect(overdue.total).toBeGreaterThan(0)
  expect(late.orders).toBe(overdue.total)
  expect(late.open).toBe(byStatus['paid']! + byStatus['partially-shipped']!)
  expect(late.percent).toBeCloseTo((100 * late.orders) / late.open, 0)
  expect(Object.values(byStatus).reduce((sum, count) => sum + count, 0)).toBe(total)
})

test('the tables hold what the log says: nothing has changed them but events', async () => {
  const events = await runSql<LoggedEvent>(
    orders.write.url,
    'select aggregatetype as aggregate, aggregateid as stream, type, schema_version as "schemaVersion", payload as data from tailrace.event_log order by id',
  )
  const folded = foldLog(Order as never, events)
  const live = await runSql<{
    id: string
    status: string
    version: number
    items: number
    shipped: string
    payments: number
  }>(
    orders.write.url,
    `select id::text, status, version, (select count(*)::int from order_items where order_id = o.id) as items,
       (select coalesce(sum(qty_shipped), 0)::text from order_items where order_id = o.id) as shipped,
       (select count(*)::int from payments where order_id = o.id) as payments
     from orders o`,
  )
  expect(live.length).toBe(folded.size)
  for (const row of live) {
    const { root, children } = folded.get(row.id)! as unknown as {
      root: OrderRows['order']
      children: OrderRows
    }
    expect(row).toMatchObject({
      status: root.status,
      version: root.version,
      items: children.items.length,
      payments: children.payments.length,
    })
    expect(Number(row.shipped)).toBe(children.items.reduce((sum, item) => sum + item.qtyShipped, 0))
  }
})
