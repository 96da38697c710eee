import {
  aggregate,
  app,
  conflict,
  event,
  many,
  rule,
  schedule,
  systemActor,
  table,
  transactionalCommand,
} from 'tailrace'
import { z } from 'zod'

// A small order system for tests of the engine: one aggregate with two child tables, every presence, a schedule.

const Line = z.object({ line: z.int(), sku: z.string(), quantity: z.int() })

export const OrderPlaced = event(
  'OrderPlaced',
  z.object({ customerId: z.string(), lines: z.array(Line), expiresAt: z.string().nullable() }),
)
export const OrderPaid = event(
  'OrderPaid',
  z.object({ paymentId: z.string(), amountMinor: z.int() }),
)
export const LineShipped = event('LineShipped', z.object({ line: z.int(), quantity: z.int() }))
export const LineRemoved = event('LineRemoved', z.object({ line: z.int() }))
export const OrderTouched = event('OrderTouched', z.object({ note: z.string() }))
export const OrderDeleted = event(
  'OrderDeleted',
  z.object({ lines: z.array(z.int()), payments: z.array(z.string()) }),
)

const OrderRow = z.object({
  id: z.string(),
  version: z.int(),
  customerId: z.string(),
  status: z.string(),
  paidMinor: z.int(),
})
const LineRow = z.object({
  orderId: z.string(),
  line: z.int(),
  sku: z.string(),
  quantity: z.int(),
  shipped: z.int(),
})
const PaymentRow = z.object({ id: z.string(), orderId: z.string(), amountMinor: z.int() })

export const Order = aggregate('order', {
  id: z.string().regex(/^o-/),
  rows: {
    order: table('orders', OrderRow),
    lines: many('order_lines', LineRow, ['orderId', 'line']),
    payments: many('payments', PaymentRow),
  },
  events: [OrderPlaced, OrderPaid, LineShipped, LineRemoved, OrderTouched, OrderDeleted],
  write: {
    OrderPlaced: ({ data, id }, to) => [
      to.order.insert({ customerId: data.customerId, status: 'placed', paidMinor: 0 }),
      ...data.lines.map(({ line, sku, quantity }) =>
        to.lines.insert({ orderId: id, line, sku, quantity, shipped: 0 }),
      ),
    ],
    OrderPaid: ({ data, id }, to) => [
      to.order.update({ status: 'paid' }),
      to.payments.insert({ id: data.paymentId, orderId: id, amountMinor: data.amountMinor }),
    ],
    LineShipped: ({ data, id }, to) => [
      to.lines.update({ orderId: id, line: data.line }, { shipped: data.quantity }),
    ],
    LineRemoved: ({ data, id }, to) => [to.lines.delete({ orderId: id, line: data.line })],
    OrderTouched: () => [],
    OrderDeleted: ({ data, id }, to) => [
      ...data.lines.map((line) => to.lines.delete({ orderId: id, line })),
      ...data.payments.map((payment) => to.payments.delete({ id: payment })),
      to.order.delete(),
    ],
  },
})

const Id = z.object({ orderId: z.string() })

export const placeOrder = Order.command('placeOrder', {
  input: z.object({
    orderId: z.string(),
    customerId: z.string(),
    lines: z.array(Line).min(1),
    expiresAt: z.string().nullable().default(null),
  }),
  target: (input) => input.orderId,
  on: 'new',
  may: ({ actor, input }) => actor.role === 'support' || actor.id === input.customerId,
  rejections: { UNKNOWN_SKU: rule(z.object({ sku: z.string() })), ORDER_EXISTS: conflict() },
  exists: 'ORDER_EXISTS',
  decide({ input, reject }) {
    const unknown = input.lines.find((line) => line.sku.startsWith('?'))
    if (unknown !== undefined) return reject.UNKNOWN_SKU({ sku: unknown.sku })
    if (input.customerId === 'nobody') return []
    return OrderPlaced({
      customerId: input.customerId,
      lines: input.lines,
      expiresAt: input.expiresAt,
    })
  },
})

export const payOrder = Order.command('payOrder', {
  input: z.object({ orderId: z.string(), paymentId: z.string(), amountMinor: z.int() }),
  target: (input) => input.orderId,
  on: 'existing',
  may: ({ actor, rows }) =>
    actor.role === 'support' ||
    actor.id === rows.order.customerId || { because: 'another customer placed it' },
  rejections: { ALREADY_PAID: conflict() },
  decide: ({ input, rows, reject }) =>
    rows.order.status === 'paid'
      ? reject.ALREADY_PAID()
      : OrderPaid({ paymentId: input.paymentId, amountMinor: input.amountMinor }),
})

export const shipLine = Order.command('shipLine', {
  input: z.object({ orderId: z.string(), line: z.int(), quantity: z.int().min(1) }),
  target: (input) => input.orderId,
  on: 'existing',
  may: 'authenticated',
  rejections: { QTY_EXCEEDS_OPEN: rule(z.object({ line: z.int(), open: z.int() })) },
  decide({ input, rows, reject }) {
    const line = rows.lines.find((row) => row.line === input.line)
    const open = line === undefined ? 0 : line.quantity - line.shipped
    if (line === undefined || open < input.quantity)
      return reject.QTY_EXCEEDS_OPEN({ line: input.line, open })
    return LineShipped({ line: input.line, quantity: line.shipped + input.quantity })
  },
})

export const removeLine = Order.command('removeLine', {
  input: z.object({ orderId: z.string(), line: z.int() }),
  target: (input) => input.orderId,
  on: 'existing',
  may: 'authenticated',
  // No check of its own: removing a line that is not there is an operation that does not fit the rows.
  decide: ({ input }) => [LineRemoved({ line: input.line })],
})

/** Creates when missing; `note: 'nothing'` changes nothing, `note: 'throw'` throws. */
export const touchOrder = Order.command('touchOrder', {
  input: z.object({ orderId: z.string(), note: z.string() }),
  target: (input) => input.orderId,
  on: 'either',
  may: 'authenticated',
  decide({ input, rows }) {
    if (input.note === 'throw') throw new Error('touched too hard')
    if (input.note === 'nothing') return []
    const placed =
      rows === undefined ? [OrderPlaced({ customerId: 'touched', lines: [], expiresAt: null })] : []
    return [...placed, OrderTouched({ note: input.note })]
  },
})

export const deleteOrder = Order.command('deleteOrder', {
  input: Id,
  target: (input) => input.orderId,
  on: 'existing',
  may: 'authenticated',
  decide: ({ rows }) =>
    OrderDeleted({
      lines: rows.lines.map((row) => row.line),
      payments: rows.payments.map((row) => row.id),
    }),
})

export const expireOrder = Order.command('expireOrder', {
  input: Id,
  target: (input) => input.orderId,
  on: 'existing',
  may: 'system',
  decide: () => OrderTouched({ note: 'expired' }),
})

/** Moves a line's quantity between two orders: two aggregates in one transaction. */
export const moveLine = transactionalCommand('moveLine', {
  input: z.object({
    from: z.string(),
    to: z.string(),
    line: z.int(),
    mode: z.enum(['move', 'throw', 'nothing', 'leak']).default('move'),
  }),
  target: (input) => input.to,
  may: ({ actor }) => actor.role === 'support',
  rejections: { NO_SUCH_LINE: rule(z.object({ line: z.int() })) },
  async run({ input, load, emit, tx, reject }) {
    await tx.query('select 1')
    const [from, to] = await Promise.all([load(Order, input.from), load(Order, input.to)])
    if (from === undefined || to === undefined) return reject.NO_SUCH_LINE({ line: input.line })
    const line = from.lines.find((row) => row.line === input.line)
    if (input.mode === 'nothing') return
    // Not awaited on purpose: the engine keeps the order, and waits.
    void emit(Order, input.from, LineRemoved({ line: input.line }))
    if (line === undefined) return reject.NO_SUCH_LINE({ line: input.line })
    if (input.mode === 'throw') throw new Error('moved too hard')
    await emit(Order, input.to, [
      OrderTouched({ note: `got line ${line.line}` }),
      OrderTouched({ note: 'twice' }),
    ])
  },
})

export const OrderExpiry = schedule('order-expiry', Order, {
  OrderPlaced: ({ data, id }) =>
    data.expiresAt === null
      ? undefined
      : { at: data.expiresAt, call: expireOrder.call({ orderId: id }) },
  OrderPaid: () => 'cancel',
})

export const orders = app({
  aggregates: { Order },
  commands: {
    placeOrder,
    payOrder,
    shipLine,
    removeLine,
    touchOrder,
    deleteOrder,
    expireOrder,
    moveLine,
  },
  projections: {},
  queries: {},
  schedules: { OrderExpiry },
})

export const support = { role: 'support', id: 's-1' } as const
export const customer = { role: 'customer', id: 'c-1' } as const
export const system = systemActor
export const oneLine = [{ line: 1, sku: 'a', quantity: 3 }]
export const logIdentity = () => ({ systemId: '0123456789abcdef', epoch: 3 })
