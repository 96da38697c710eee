import { expect, test } from 'vitest'
import { jsonSchemaOf, validateNow } from 'tailrace/adapter'
import { orders } from '../app.ts'
import { id, orderId, placed } from '../order-fixture.ts'
import { Instant } from './fields.ts'

const impossible = [
  '0000-01-01T00:00:00Z',
  '0000-12-31T23:59:59+14:00',
  '1969-12-31T23:59:59Z',
  '3000-01-01T00:00:00Z',
  '9999-12-31T23:59:59-23:00',
]

test.each([
  '1970-01-01T00:00:00+14:00',
  '2009-12-01T07:45:00Z',
  '2026-11-26T12:00:00.123456+01:00',
  '2999-12-31T23:59:59-23:00',
])('%s is an instant, and stays one of four digits for the year', (instant) => {
  expect(validateNow(Instant, instant)).toEqual({ ok: true, value: instant })
  expect(new Date(Date.parse(instant) + 3 * 86_400_000).toISOString()).toMatch(/^\d{4}-/)
})

test.each(impossible)('%s is out of bounds, and the message says which', (instant) => {
  expect(validateNow(Instant, instant)).toMatchObject({
    ok: false,
    issues: [{ pointer: '', message: 'expected a year from 1970 to 2999' }],
  })
})

test('every time that somebody states has bounds, and an issue names its place', () => {
  const { placeOrder, confirmDelivery } = orders.commands
  const { searchOrders } = orders.queries
  const places: [{ input: typeof placeOrder.input }, object, string][] = [
    [placeOrder, placed, 'expiresAt'],
    [placeOrder, placed, 'occurredAt'],
    [confirmDelivery, { orderId, shipmentId: id(1) }, 'deliveredAt'],
    [confirmDelivery, { orderId, shipmentId: id(1) }, 'occurredAt'],
    [searchOrders, {}, 'placedFrom'],
    [searchOrders, {}, 'placedTo'],
  ]
  for (const [{ input }, given, field] of places) {
    expect(validateNow(input, { ...given, [field]: '2026-11-26T12:00:00Z' }).ok).toBe(true)
    for (const instant of impossible)
      expect(validateNow(input, { ...given, [field]: instant })).toMatchObject({
        ok: false,
        issues: [{ pointer: `/${field}` }],
      })
  }
})

test('the JSON schema of an instant has its bounds', () => {
  const schema = JSON.stringify(jsonSchemaOf(Instant, 'input'))
  const patterns = [...schema.matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map(
    ([, text]) => new RegExp(JSON.parse(text!) as string),
  )
  const fits = (instant: string): boolean => patterns.every((pattern) => pattern.test(instant))
  expect(fits('2009-12-01T07:45:00Z')).toBe(true)
  expect(impossible.filter(fits)).toEqual([])
})
