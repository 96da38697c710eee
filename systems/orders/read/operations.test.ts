import type { FindOptions } from 'tailrace'
import { expect, test } from 'vitest'
import {
  carla,
  id,
  keuken,
  lumen,
  orderId,
  orderThatIs,
  payment,
  placed,
  shipment,
  support,
  totalMinor,
  unitMinor,
} from '../order-fixture.ts'
import { OrdersInMemory } from '../orders-in-memory.ts'
import { Operations, operations } from './operations.ts'

function counts(orders: OrdersInMemory): Record<string, Record<string, number>> {
  return Object.fromEntries([...orders.fold(Operations)].map(([key, doc]) => [key, doc.counts]))
}

test('counts orders by status: each is in exactly one', () => {
  const orders = new OrdersInMemory()
  for (const n of [1, 2, 3]) orders.done('placeOrder', carla, { ...placed, orderId: id(n) })
  orders.done('registerPayment', carla, { ...payment(totalMinor), orderId: id(1) })
  orders.done('cancelItems', support, {
    orderId: id(2),
    items: [{ line: 1 }, { line: 2 }, { line: 3 }],
    reason: 'x',
  })
  expect(counts(orders)['status||']).toEqual({ placed: 1, paid: 1, cancelled: 1 })
})

test('counts per minute what orders became in it', () => {
  const orders = orderThatIs('placed')
  orders.now = '2026-11-26T12:01:30.000Z'
  orders.done('registerPayment', carla, payment(totalMinor))
  orders.done('placeOrder', carla, { ...placed, orderId: id(2) })
  expect(counts(orders)).toMatchObject({
    'minute|2026-11-26T12:00:00.000Z|': { placed: 1 },
    'minute|2026-11-26T12:01:00.000Z|': { placed: 1, paid: 1 },
  })
})

test('adds up a day in each currency: orders, what was paid, what is due back', () => {
  const orders = orderThatIs('paid')
  orders.done('cancelItems', keuken, { orderId, items: [{ line: 3 }], reason: 'OUT_OF_STOCK' })
  expect(counts(orders)['day|2026-11-26|EUR']).toEqual({
    orders: 1,
    revenueMinor: totalMinor,
    refundDueMinor: 3 * unitMinor[2],
  })
})

type OperationsData = NonNullable<typeof operations.of>['output']

const now = '2026-11-26T12:00:00.000Z'

/** Asks of stores that hold these documents of days, and orders that are due then. */
async function ask({
  docs = [],
  due = [],
}: {
  docs?: readonly unknown[]
  due?: readonly string[]
}): Promise<OperationsData> {
  const counters = {
    get: () => Promise.resolve(undefined),
    getMany: (keys: readonly string[]) => Promise.resolve(keys.map(() => undefined)),
    find: ({ limit = 20, after = '0' }: FindOptions<unknown>) => {
      const end = Number(after) + limit
      const next = end < docs.length ? String(end) : undefined
      const items = docs.slice(Number(after), end)
      return Promise.resolve({ items, next, total: undefined, facets: {} })
    },
  }
  const orders = {
    find: ({ where }: { where: { dueAt: { lt?: string; gte?: string } } }) => {
      const { lt = '9', gte = '' } = where.dueAt
      const total = due.filter((at) => at < lt && at >= gte).length
      return Promise.resolve({ items: [], next: undefined, total, facets: {} })
    },
  }
  const context = { actor: support, now }
  const answer = await operations.run({ counters, orders } as never, {} as never, context as never)
  return answer as OperationsData
}

test('says how many of the orders that could be shipped are late', async () => {
  const due = [now, '2026-11-26T11:59:59.999Z', '2026-11-20T12:00:00.000Z']
  const later = Array.from({ length: 4 }, () => '2026-11-28T12:00:00.000Z')
  const { late } = await ask({ due: [...due, ...later] })
  expect(late).toEqual({ orders: 2, open: 7, percent: 28.6 })
  expect((await ask({})).late).toEqual({ orders: 0, open: 0, percent: null })
})

test('shows 30 days, however many currencies they have', async () => {
  const docs = Array.from({ length: 40 * 5 }, (_, i) => ({
    kind: 'day' as const,
    at: new Date(Date.UTC(2026, 9, 1 + Math.floor(i / 5))).toISOString().slice(0, 10),
    of: ['CHF', 'EUR', 'GBP', 'SEK', 'USD'][i % 5]!,
    counts: { orders: i },
  })).toReversed()
  const { revenueByDay } = await ask({ docs })
  expect(new Set(revenueByDay.map(({ day }) => day)).size).toBe(30)
  expect(revenueByDay).toHaveLength(150)
  expect(revenueByDay[0]).toMatchObject({ day: '2026-10-11', currency: 'CHF', orders: 50 })
  expect(revenueByDay.at(-1)).toMatchObject({ day: '2026-11-09', currency: 'USD', orders: 199 })
})

test('measures each step of the way', () => {
  const orders = orderThatIs('placed')
  const at = (time: string): void => {
    orders.now = `2026-11-26T${time}.000Z`
  }
  at('12:00:10')
  orders.done('registerPayment', carla, payment(totalMinor))
  at('12:01:10')
  orders.done('shipItems', lumen, shipment(1, [{ line: 1 }, { line: 2 }]))
  orders.done('shipItems', keuken, shipment(2, [{ line: 3 }]))
  at('12:02:10')
  orders.done('confirmDelivery', lumen, { orderId, shipmentId: id(1) })
  orders.done('confirmDelivery', keuken, { orderId, shipmentId: id(2) })
  const found = counts(orders)
  const bucket = (step: string): [number, number][] =>
    Object.entries(found[`funnel|2026-11-26|${step}`]!).map(([ms, count]) => [Number(ms), count])
  expect(bucket('placedToPaid')[0]![0]).toBeCloseTo(10_000, -3)
  // Only the first parcel counts.
  expect(bucket('paidToShipped')).toMatchObject([[expect.closeTo(60_000, -3), 1]])
  expect(bucket('shippedToDelivered')).toMatchObject([[expect.closeTo(60_000, -3), 2]])
  expect(bucket('placedToDelivered')).toMatchObject([[expect.closeTo(130_000, -4), 1]])
})

test('the way to the first parcel begins when the order became paid, also by cancelling the rest', () => {
  const orders = orderThatIs('placed')
  orders.done('registerPayment', carla, payment(totalMinor - 3 * unitMinor[2]))
  orders.now = '2026-11-26T13:00:00.000Z'
  orders.done('cancelItems', keuken, { orderId, items: [{ line: 3 }], reason: 'OUT_OF_STOCK' })
  expect(orders.rowsOf(orderId)!.order).toMatchObject({ status: 'paid', paidAt: orders.now })
  orders.now = '2026-11-26T13:01:00.000Z'
  orders.done('shipItems', lumen, shipment(1, [{ line: 1 }]))
  const [[ms]] = Object.entries(counts(orders)['funnel|2026-11-26|paidToShipped']!) as [[string, 1]]
  expect(Number(ms)).toBeCloseTo(60_000, -3)
})
