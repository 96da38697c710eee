import { describe, expect, test } from 'vitest'
import {
  carla,
  id,
  keuken,
  lumen,
  orderId,
  orderThatIs,
  shipment,
  support,
  totalMinor,
  unitMinor,
} from '../order-fixture.ts'
import type { OrdersInMemory } from '../orders-in-memory.ts'
import { OrderDocument } from './order-document.ts'
import { viewOf } from './order-view.ts'
import { SellerOrder, sellerOrderKey } from './seller-order.ts'

function documentOf(orders: OrdersInMemory) {
  return orders.fold(OrderDocument).get(orderId)!
}

function partOf(orders: OrdersInMemory, sellerId: string) {
  return orders.fold(SellerOrder).get(sellerOrderKey(orderId, sellerId))!
}

describe('order-document', () => {
  test('holds the order when it is placed', () => {
    expect(documentOf(orderThatIs('placed'))).toMatchObject({
      orderId,
      customerId: 'c-1001',
      status: 'placed',
      version: 1,
      currency: 'EUR',
      totalMinor,
      paidMinor: 0,
      placedAt: '2026-11-26T12:00:00.000Z',
      dueAt: null,
      payments: [],
      shipments: [],
      returns: [],
      timeline: [{ at: '2026-11-26T12:00:00.000Z', type: 'OrderPlaced', text: 'Order placed' }],
      skus: ['LMP-1001', 'LMP-1011', 'KIT-1001'],
      sellerIds: ['lumen-living', 'noord-keuken'],
    })
  })

  test('is due when its next open line is, once it is paid and until nothing is open', () => {
    expect(documentOf(orderThatIs('paid')).dueAt).toBe('2026-11-29T12:00:00.000Z')
    expect(documentOf(orderThatIs('shipped')).dueAt).toBeNull()
    expect(documentOf(orderThatIs('expired')).dueAt).toBeNull()
  })

  test('tells the whole story in words', () => {
    const orders = orderThatIs('delivered')
    orders.done('registerReturn', carla, {
      orderId,
      returnId: id(50),
      items: [{ line: 1, quantity: 1 }],
      reason: 'Too bright',
    })
    orders.done('handleReturn', lumen, { orderId, returnId: id(50), outcome: 'RETURN_RECEIVED' })
    expect(documentOf(orders).timeline.map(({ text }) => text)).toEqual([
      'Order placed',
      '104.20 EUR by card received',
      'Order paid',
      'Shipped 2 × Desk lamp, brass and 1 × Floor lamp, brass with PostNL, 3S1',
      'Shipped 3 × Saucepan 1.5 l, stainless steel with PostNL, 3S2',
      'Delivered 2 × Desk lamp, brass and 1 × Floor lamp, brass',
      'Delivered 3 × Saucepan 1.5 l, stainless steel',
      'Order delivered',
      'Customer returns 1 × Desk lamp, brass: Too bright',
      'Return of 1 × Desk lamp, brass handled: return received',
      '19.45 EUR to be paid back',
    ])
  })

  test('tells of a cancellation asked for and done', () => {
    const orders = orderThatIs('paid')
    orders.done('requestCancellation', carla, { orderId, reason: 'Too late' })
    orders.done('cancelItems', support, {
      orderId,
      items: [{ line: 1 }, { line: 2 }, { line: 3 }],
      reason: 'REQUESTED_BY_CUSTOMER',
    })
    expect(
      documentOf(orders)
        .timeline.slice(3)
        .map(({ text }) => text),
    ).toEqual([
      'Customer asks to cancel 2 × Desk lamp, brass and 1 × Floor lamp, brass and 1 more line: Too late',
      'Cancelled 2 × Desk lamp, brass and 1 × Floor lamp, brass and 1 more line: REQUESTED_BY_CUSTOMER',
      'Order cancelled',
      '104.20 EUR to be paid back',
    ])
  })

  test('keeps parcels and returns with their lines, and is found by tracking number', () => {
    const orders = orderThatIs('delivered')
    orders.done('registerReturn', carla, {
      orderId,
      returnId: id(50),
      items: [{ line: 3, quantity: 1 }],
      reason: 'Broken',
    })
    const doc = documentOf(orders)
    expect(doc.shipments).toMatchObject([
      {
        shipmentId: id(1),
        carrier: 'PostNL',
        deliveredAt: '2026-11-26T12:00:00.000Z',
        items: [
          { line: 1, quantity: 2 },
          { line: 2, quantity: 1 },
        ],
      },
      { shipmentId: id(2), items: [{ line: 3, quantity: 3 }] },
    ])
    expect(doc.returns).toMatchObject([
      { returnId: id(50), outcome: null, items: [{ line: 3, quantity: 1 }] },
    ])
    expect(doc.searchText).toBe(
      `${orderId}  Desk lamp, brass Floor lamp, brass Saucepan 1.5 l, stainless steel 3S1 3S2`,
    )
  })

  test('flags a delivery that was reported before the shipping', () => {
    const orders = orderThatIs('shipped')
    orders.done('confirmDelivery', lumen, {
      orderId,
      shipmentId: id(1),
      deliveredAt: '2026-11-01T00:00:00Z',
    })
    const doc = documentOf(orders)
    expect(doc.shipments[0]).toMatchObject({
      deliveredBeforeShipped: true,
      deliveredAt: '2026-11-01T00:00:00.000Z',
    })
    expect(doc.timeline.at(-1)!.text).toMatch(/reported before it was shipped/)
  })

  test('a customer who asks without end pushes out nothing but their own wishes, and the timeline says so', () => {
    const orders = orderThatIs('paid')
    for (let i = 0; i < 250; i++)
      orders.done('requestCancellation', carla, { orderId, reason: `wish ${i}` })
    for (const doc of [documentOf(orders), partOf(orders, keuken.id)]) {
      const told = doc.timeline.map(({ type }) => type)
      expect(told).toHaveLength(200)
      expect(told).toEqual(expect.arrayContaining(['OrderPlaced', 'OrderPaid', 'EntriesLeftOut']))
      expect(doc.timeline[0]!.text).toBe('Order placed')
      expect(doc.timeline.at(-1)!.text).toMatch(/wish 249$/)
    }
    expect(documentOf(orders)).toMatchObject({ timelineLeftOut: 54 })
    expect(documentOf(orders).timeline.slice(1, 4)).toMatchObject([
      { text: '104.20 EUR by card received' },
      { text: 'Order paid' },
      { text: '54 earlier entries are left out' },
    ])
  })

  test('shows no field that only searching needs', () => {
    expect(Object.keys(viewOf(documentOf(orderThatIs('placed'))))).not.toEqual(
      expect.arrayContaining(['searchText']),
    )
    expect(viewOf(partOf(orderThatIs('placed'), 'noord-keuken'))).not.toHaveProperty('sellerId')
  })
})

describe('seller-order', () => {
  test('holds a seller’s own lines and amounts, and the state of the order', () => {
    expect(partOf(orderThatIs('placed'), 'noord-keuken')).toMatchObject({
      sellerId: 'noord-keuken',
      status: 'placed',
      totalMinor: 3 * unitMinor[2],
      paidMinor: 0,
      lines: [{ line: 3 }],
      skus: ['KIT-1001'],
      sellerIds: ['noord-keuken'],
      payments: [],
    })
    expect(partOf(orderThatIs('paid'), 'noord-keuken')).toMatchObject({
      status: 'paid',
      version: 3,
      paidMinor: 3 * unitMinor[2],
    })
  })

  test('follows the order’s state when another seller ships, and says nothing of what they shipped', () => {
    const orders = orderThatIs('paid')
    orders.done('shipItems', lumen, shipment(1, [{ line: 1 }, { line: 2 }]))
    const part = partOf(orders, 'noord-keuken')
    expect(part).toMatchObject({
      status: 'partially-shipped',
      version: 4,
      shipments: [],
      dueAt: '2026-11-29T12:00:00.000Z',
    })
    expect(part.searchText).not.toMatch(/lamp|3S1/i)
    expect(part.timeline.map(({ type }) => type)).toEqual(['OrderPlaced', 'OrderPaid'])
  })

  test('shows of a parcel with lines of two sellers only the own ones', () => {
    const orders = orderThatIs('paid')
    orders.done('shipItems', support, shipment(1, [{ line: 1 }, { line: 3 }]))
    expect(partOf(orders, keuken.id).shipments).toMatchObject([
      { items: [{ line: 3, quantity: 3 }] },
    ])
  })

  test('lowers what is paid by what is cancelled', () => {
    const orders = orderThatIs('paid')
    orders.done('cancelItems', keuken, {
      orderId,
      items: [{ line: 3, quantity: 1 }],
      reason: 'OUT_OF_STOCK',
    })
    expect(partOf(orders, keuken.id)).toMatchObject({
      cancelledMinor: unitMinor[2],
      paidMinor: 2 * unitMinor[2],
      refundDueMinor: 0,
    })
  })
})
