import { expect, test } from 'vitest'
import { OrdersInMemory } from '../orders-in-memory.ts'
import { seededOffers } from '../seeded-offers.ts'
import { orderLife, type Action } from './order-life.ts'
import { Random } from './random.ts'

const offers = seededOffers()
const start = Date.parse('2026-11-26T12:00:00.000Z')

function lives(seed: number, count: number): Action[] {
  const random = new Random(seed)
  const actions = Array.from({ length: count }, (_, i) =>
    orderLife({ random, offers, at: start + i * 1_000, pace: 1 }),
  ).flat()
  return actions.toSorted((a, b) => a.at - b.at)
}

test('every step is allowed when its time comes', () => {
  const orders = new OrdersInMemory()
  for (const { at, command, actor, input } of lives(1, 200)) {
    orders.now = new Date(Math.round(at)).toISOString()
    orders.done(command as Parameters<OrdersInMemory['done']>[0], actor, input)
  }
  const seen = new Set<string>(orders.log.map(({ type }) => type))
  expect([...seen].toSorted()).toEqual([
    'CancellationRequested',
    'ItemsCancelled',
    'ItemsShipped',
    'OrderCancelled',
    'OrderDelivered',
    'OrderPaid',
    'OrderPlaced',
    'PaymentRegistered',
    'RefundDue',
    'ReturnHandled',
    'ReturnRegistered',
    'ShipmentDelivered',
  ])
})

test('every step may also be told later, by the system, with its time', () => {
  const orders = new OrdersInMemory()
  const told = lives(2, 50)
  orders.now = new Date(Math.max(...told.map(({ at }) => at))).toISOString()
  for (const { at, command, input } of told) {
    const occurredAt = new Date(Math.round(at)).toISOString()
    const events = orders.done(
      command as Parameters<OrdersInMemory['done']>[0],
      { role: 'system', id: 'system' },
      { ...input, occurredAt },
    )
    expect(events[0]!.data.occurredAt).toBe(occurredAt)
  }
})

test('the same seed makes the same lives', () => {
  expect(lives(3, 20)).toEqual(lives(3, 20))
  expect(lives(3, 20)).not.toEqual(lives(4, 20))
})
