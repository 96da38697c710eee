import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { carla, id, keuken, lumen, orderId, placed, support, system } from '../order-fixture.ts'
import { OrdersInMemory } from '../orders-in-memory.ts'
import { OrderDocument } from '../read/order-document.ts'
import type { OrderDoc } from '../read/order-view.ts'
import { SellerOrder } from '../read/seller-order.ts'
import { SellerQueue } from '../read/seller-queue.ts'
import { openOf, statusOf, totalsOf } from './order-facts.ts'
import type { OrderRows } from './order.ts'
import type { Status } from './order-status.ts'
import { returnOutcomes } from './reasons.ts'

// Whatever people send in whatever order, an order keeps these promises.

type Step = readonly [
  name: Parameters<OrdersInMemory['send']>[0],
  actor: typeof carla,
  input: object,
]

const line = fc.integer({ min: 1, max: 4 })
const quantity = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined })
const small = fc.integer({ min: 1, max: 4 }).map(id)
const openLines = fc
  .uniqueArray(fc.record({ line, quantity }, { requiredKeys: ['line'] }), {
    minLength: 1,
    maxLength: 3,
    selector: (item) => item.line,
  })
  .map((items) =>
    items.map(({ line: one, quantity: of }) =>
      of === undefined ? { line: one } : { line: one, quantity: of },
    ),
  )
const countedLines = fc.uniqueArray(fc.record({ line, quantity: fc.integer({ min: 1, max: 3 }) }), {
  minLength: 1,
  maxLength: 2,
  selector: (item) => item.line,
})
const sender = fc.constantFrom(support, system, lumen, keuken, carla)

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(
    fc.constant('registerPayment' as const),
    sender,
    fc.record({
      orderId: fc.constant(orderId),
      paymentId: small,
      method: fc.constant('card'),
      amountMinor: fc.constantFrom(1, 3_885, 4_000, 6_535, 10_420),
      currency: fc.constant('EUR'),
    }),
  ),
  fc.tuple(
    fc.constant('shipItems' as const),
    sender,
    fc.record({
      orderId: fc.constant(orderId),
      shipmentId: small,
      items: openLines,
      carrier: fc.constant('PostNL'),
      tracking: fc.constant('3S1'),
    }),
  ),
  fc.tuple(
    fc.constant('confirmDelivery' as const),
    sender,
    fc.record({ orderId: fc.constant(orderId), shipmentId: small }),
  ),
  fc.tuple(
    fc.constant('requestCancellation' as const),
    sender,
    fc.record({ orderId: fc.constant(orderId), items: openLines, reason: fc.constant('x') }),
  ),
  fc.tuple(
    fc.constant('cancelItems' as const),
    sender,
    fc.record({ orderId: fc.constant(orderId), items: openLines, reason: fc.constant('x') }),
  ),
  fc.tuple(
    fc.constant('registerReturn' as const),
    sender,
    fc.record({
      orderId: fc.constant(orderId),
      returnId: small,
      items: countedLines,
      reason: fc.constant('x'),
    }),
  ),
  fc.tuple(
    fc.constant('handleReturn' as const),
    sender,
    fc.record({
      orderId: fc.constant(orderId),
      returnId: small,
      outcome: fc.constantFrom(...returnOutcomes),
    }),
  ),
  fc.tuple(fc.constant('expireOrder' as const), fc.constant(system), fc.constant({ orderId })),
)
// Paying first makes the later states likely.
const pay: Step = [
  'registerPayment',
  carla,
  { orderId, paymentId: id(9), method: 'card', amountMinor: 10_420, currency: 'EUR' },
]
const course = fc
  .tuple(fc.boolean(), fc.array(step, { maxLength: 30 }))
  .map(([paid, steps]) => (paid ? [pay, ...steps] : steps))

const next: Readonly<Record<Status, readonly Status[]>> = {
  placed: ['paid', 'cancelled', 'expired'],
  paid: ['partially-shipped', 'shipped', 'cancelled'],
  'partially-shipped': ['shipped', 'delivered'],
  shipped: ['delivered'],
  delivered: [],
  cancelled: [],
  expired: [],
}

function play(steps: readonly Step[]): OrdersInMemory {
  const orders = new OrdersInMemory()
  orders.done('placeOrder', carla, placed)
  for (const [name, actor, input] of steps) orders.send(name, actor, input)
  return orders
}

function everyCourse(check: (orders: OrdersInMemory, rows: OrderRows) => void): void {
  fc.assert(
    fc.property(course, (steps) => {
      const orders = play(steps)
      check(orders, orders.rowsOf(orderId)!)
    }),
    { numRuns: 400 },
  )
}

test('the state is always the one that the rows say, and goes only where it may', () => {
  everyCourse(({ log }, rows) => {
    expect(rows.order.status).toBe(statusOf(rows))
    let before: Status | null = null
    for (const { data } of log) {
      expect(data.was).toBe(before)
      if (before !== null && data.status !== before) expect(next[before]).toContain(data.status)
      before = data.status
    }
    expect(before).toBe(rows.order.status)
  })
})

test('quantities and money always add up', () => {
  everyCourse(({ log }, rows) => {
    for (const item of rows.items) {
      expect(openOf(item)).toBeGreaterThanOrEqual(0)
      expect(item.qtyCancelRequested).toBeLessThanOrEqual(openOf(item))
      const parts = rows.shipments.filter(
        ({ orderItemId, direction }) => orderItemId === item.id && direction === 'out',
      )
      expect(parts.reduce((sum, { qty }) => sum + qty, 0)).toBe(item.qtyShipped)
    }
    const totals = totalsOf(rows)
    expect(log.at(-1)!.data.totals).toEqual(totals)
    const refunds = log.reduce(
      (sum, event) => sum + (event.type === 'RefundDue' ? event.data.amountMinor : 0),
      0,
    )
    expect(refunds).toBe(totals.refundDueMinor)
    expect(totals.refundDueMinor).toBeLessThanOrEqual(totals.paidMinor)
    // Nothing is shipped that is not paid.
    if (rows.shipments.length > 0)
      expect(totals.paidMinor).toBeGreaterThanOrEqual(totals.totalMinor - totals.cancelledMinor)
  })
})

test('read models say what the rows say', () => {
  everyCourse((orders, rows) => {
    const doc = orders.fold(OrderDocument).get(orderId)!
    expect(doc).toMatchObject({
      status: rows.order.status,
      version: rows.order.version,
      ...totalsOf(rows),
    })
    expect(
      doc.lines.map((one) => [one.quantityShipped, one.quantityCancelled, one.quantityRequested]),
    ).toEqual(rows.items.map((one) => [one.qtyShipped, one.qtyCancelled, one.qtyCancelRequested]))
    const queue = [...orders.fold(SellerQueue).values()]
    expect(queue.map((one) => [one.line, one.quantityOpen])).toEqual(
      rows.items.filter((item) => openOf(item) > 0).map((item) => [item.line, openOf(item)]),
    )
    if (queue.length === 0) expect(doc.dueAt).toBeNull()
  })
})

test('a seller’s document holds their own lines and parcels, and no word of the others’', () => {
  everyCourse((orders, rows) => {
    const parts = [...orders.fold(SellerOrder).values()]
    const whole = orders.fold(OrderDocument).get(orderId)!
    for (const part of parts) {
      expect(part.lines).toEqual(whole.lines.filter(({ sellerId }) => sellerId === part.sellerId))
      const own = new Set(part.lines.map((one) => one.line))
      for (const parcel of [...part.shipments, ...part.returns])
        for (const item of parcel.items) expect(own).toContain(item.line)
      expect(part.payments).toEqual([])
      const others = whole.lines.filter((one) => !own.has(one.line)).map(({ title }) => title)
      const said = JSON.stringify([part.timeline, part.searchText] satisfies unknown[] as unknown[])
      for (const title of others) expect(said).not.toContain(title)
    }
    expect(parts.flatMap((part: OrderDoc) => part.lines)).toHaveLength(rows.items.length)
  })
})
