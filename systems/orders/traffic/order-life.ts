import type { Actor } from 'tailrace'
import type { Offer, Offers } from '../offers.ts'
import { basketLines, lineQuantity, popularProduct } from './distributions.ts'
import type { Random } from './random.ts'

/** A command that somebody sends at some time, milliseconds since 1970. */
export interface Action {
  readonly at: number
  readonly actor: Actor
  readonly command: string
  readonly input: { readonly orderId: string; readonly [field: string]: unknown }
}

export interface LifeOptions {
  readonly random: Random
  readonly offers: Offers
  /** When the order is placed. */
  readonly at: number
  /** Multiplies all waiting times: 1 is a demo in which an order is delivered within minutes. */
  readonly pace: number
}

const customers = 400
const secondMs = 1_000

interface Order extends LifeOptions {
  readonly orderId: string
  readonly customer: Actor
  readonly currency: string
  readonly lines: readonly (Offer & { readonly line: number; readonly quantity: number })[]
}

/**
 * Everything that happens to one order, in time, as its customer and sellers send it. Each command is allowed when its time
 * comes. Shares of what goes wrong follow the source, where one invoice in five is followed by a credit.
 */
export function orderLife(options: LifeOptions): Action[] {
  const order = newOrder(options)
  const { random } = order
  const unpaid = random.chance(0.06)
  const place = placed(order, unpaid)
  if (unpaid) return [place, ...(random.chance(0.5) ? [partPayment(order)] : [])]
  const payments = paid(order)
  const paidAt = payments.at(-1)!.at
  if (random.chance(0.07)) return [place, ...payments, ...cancelled(order, paidAt)]
  return [place, ...payments, ...bySeller(order).flatMap((lines) => shipped(order, lines, paidAt))]
}

function newOrder(options: LifeOptions): Order {
  const { random, offers } = options
  const count = basketLines(random)
  const first = offers.list[popularProduct(random, offers.list.length)]!
  const same = offers.list.filter(({ currency }) => currency === first.currency)
  const chosen = new Set([first])
  for (let i = 1; i < count; i++) chosen.add(same[popularProduct(random, same.length)]!)
  const lines = [...chosen].map((offer, i) => ({
    ...offer,
    line: i + 1,
    quantity: lineQuantity(random),
  }))
  // A few customers order often, most rarely.
  const customer = {
    role: 'customer',
    id: `c-${1_001 + Math.floor(customers * random.next() ** 3)}`,
  }
  return { ...options, orderId: random.uuid(), customer, currency: first.currency, lines }
}

function later(
  { pace, random }: Order,
  at: number,
  fromSeconds: number,
  toSeconds: number,
): number {
  return at + random.wait(fromSeconds, toSeconds) * secondMs * pace
}

function placed(order: Order, unpaid: boolean): Action {
  const { at, pace, orderId, customer, currency, lines } = order
  const items = lines.map(({ sku, quantity }) => ({ sku, quantity }))
  const expiresAt = unpaid
    ? new Date(Math.round(at + 300 * secondMs * pace)).toISOString()
    : undefined
  const input = {
    orderId,
    customerId: customer.id,
    currency,
    items,
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }
  return { at, actor: customer, command: 'placeOrder', input }
}

function payment(order: Order, at: number, method: string, amountMinor: number): Action {
  const { orderId, customer, currency, random } = order
  const input = { orderId, paymentId: random.uuid(), method, amountMinor, currency }
  return { at, actor: customer, command: 'registerPayment', input }
}

function totalMinor({ lines }: Order): number {
  return lines.reduce((sum, { quantity, unitMinor }) => sum + quantity * unitMinor, 0)
}

/** A boleto that covers only a part; the rest never comes. */
function partPayment(order: Order): Action {
  const amount = Math.max(1, Math.floor(totalMinor(order) * 0.4))
  return payment(order, later(order, order.at, 5, 60), 'boleto', amount)
}

function paid(order: Order): [Action, ...Action[]] {
  const { random, at } = order
  const total = totalMinor(order)
  const kind = random.next()
  if (kind < 0.8 || total < 2) return [payment(order, later(order, at, 1, 8), 'card', total)]
  if (kind < 0.92) return [payment(order, later(order, at, 20, 90), 'boleto', total)]
  const voucher = Math.max(1, Math.floor(total * 0.25))
  const first = payment(order, later(order, at, 1, 5), 'voucher', voucher)
  return [first, payment(order, later(order, first.at, 1, 20), 'card', total - voucher)]
}

/** The customer asks, each seller cancels; or a seller cannot deliver. */
function cancelled(order: Order, paidAt: number): Action[] {
  const { random, orderId, customer } = order
  const askedAt = later(order, paidAt, 2, 15)
  const asks = random.chance(0.7)
  const reason = asks
    ? 'REQUESTED_BY_CUSTOMER'
    : random.pick(['OUT_OF_STOCK', 'NOT_AVAIL_IN_TIME', 'UNFINDABLE_ITEM'])
  const request = {
    at: askedAt,
    actor: customer,
    command: 'requestCancellation',
    input: { orderId, reason: 'Changed my mind' },
  }
  const cancellations = bySeller(order).map((lines) => ({
    at: later(order, askedAt, 3, 40),
    actor: { role: 'seller', id: lines[0]!.sellerId },
    command: 'cancelItems',
    input: { orderId, items: lines.map(({ line }) => ({ line })), reason },
  }))
  return asks ? [request, ...cancellations] : cancellations
}

function bySeller({ lines }: Order): Order['lines'][] {
  return [...Map.groupBy(lines, ({ sellerId }) => sellerId).values()]
}

const carriers = ['PostNL', 'DHL', 'DPD', 'UPS', 'GLS'] as const

/** A seller's lines on their way, sometimes in two parcels, and back. */
function shipped(order: Order, lines: Order['lines'], paidAt: number): Action[] {
  const { random } = order
  if (random.chance(0.03)) return [neglected(order, lines)]
  const split = random.chance(0.2)
    ? lines.map(({ line, quantity }) => ({ line, quantity: Math.ceil(quantity / 2) }))
    : undefined
  const all = lines.map(({ line, quantity }) => ({ line, quantity }))
  const rest =
    split === undefined
      ? []
      : all.map(({ line, quantity }, i) => ({ line, quantity: quantity - split[i]!.quantity }))
  const first = parcel(order, lines[0]!.sellerId, split ?? all, paidAt)
  const left = rest.filter(({ quantity }) => quantity > 0)
  const second = left.length === 0 ? [] : parcel(order, lines[0]!.sellerId, left, first[0]!.at)
  return [
    ...first,
    ...second,
    ...(random.chance(0.08) ? returned(order, lines[0]!, first.at(-1)!.at) : []),
  ]
}

const dayMs = 86_400_000

/** Some sellers do not ship in time, and give up long after it was due. Days stay days, whatever the pace. */
function neglected({ random, at, orderId }: Order, lines: Order['lines']): Action {
  const items = lines.map(({ line }) => ({ line }))
  const actor = { role: 'seller', id: lines[0]!.sellerId }
  const input = { orderId, items, reason: 'NOT_AVAIL_IN_TIME' }
  return { at: at + random.wait(3.2, 4.5) * dayMs, actor, command: 'cancelItems', input }
}

interface Portion {
  readonly line: number
  readonly quantity: number
}

function parcel(
  order: Order,
  sellerId: string,
  items: readonly Portion[],
  after: number,
): [Action, Action] {
  const { random, orderId } = order
  const actor = { role: 'seller', id: sellerId }
  const shipmentId = random.uuid()
  const at = later(order, after, 8, 150)
  const tracking = `3S${random.uuid().replaceAll('-', '').slice(0, 13).toUpperCase()}`
  const ship = { orderId, shipmentId, items, carrier: random.pick(carriers), tracking }
  const deliveredAt = later(order, at, 15, 240)
  // Some carriers report a delivery before the parcel was handed over.
  const reported = random.chance(0.01)
    ? { deliveredAt: new Date(Math.round(at - secondMs)).toISOString() }
    : {}
  return [
    { at, actor, command: 'shipItems', input: ship },
    {
      at: deliveredAt,
      actor,
      command: 'confirmDelivery',
      input: { orderId, shipmentId, ...reported },
    },
  ]
}

const returnReasons = [
  'Does not fit',
  'Arrived damaged',
  'Not as described',
  'Ordered by mistake',
] as const
const outcomes = [
  'RETURN_RECEIVED',
  'RETURN_RECEIVED',
  'RETURN_RECEIVED',
  'EXCHANGE_PRODUCT',
  'RETURN_DOES_NOT_MEET_CONDITIONS',
] as const

/** One piece of the first line comes back. */
function returned(
  order: Order,
  { line, sellerId }: Order['lines'][number],
  deliveredAt: number,
): Action[] {
  const { random, orderId, customer } = order
  const returnId = random.uuid()
  const at = later(order, deliveredAt, 10, 120)
  const input = {
    orderId,
    returnId,
    items: [{ line, quantity: 1 }],
    reason: random.pick(returnReasons),
  }
  const handled = { orderId, returnId, outcome: random.pick(outcomes) }
  return [
    { at, actor: customer, command: 'registerReturn', input },
    {
      at: later(order, at, 20, 120),
      actor: { role: 'seller', id: sellerId },
      command: 'handleReturn',
      input: handled,
    },
  ]
}
