import { aggregate, app, event, many, rule, schedule, table, transactionalCommand } from 'tailrace'
import { z } from 'zod'

// An application for tests of the write side: every kind of column, a composite key, a grandchild, a text key.

/** The tables of the shop, as an application's own migration makes them. */
export const shopTables = `
  create table orders (
    id uuid primary key, version bigint not null, customer text not null, status text not null,
    total_minor bigint not null, note text, tags text[] not null, extra jsonb, raw json, factor numeric(12, 4),
    placed_at timestamptz not null, due_on date, seen_at timestamptz[], paid boolean not null, internal text default 'x');
  create table order_lines (
    order_id uuid not null references orders, line integer not null, sku varchar(20) not null,
    quantity integer not null check (quantity > 0), unit_minor bigint not null, primary key (order_id, line));
  create table parcels (
    id uuid primary key, order_id uuid not null, line integer not null, tracking text not null,
    foreign key (order_id, line) references order_lines);
  create index parcels_line on parcels (order_id, line);
  create table accounts (id text primary key, version integer not null, balance bigint not null check (balance >= 0));`

const OrderRow = z.object({
  id: z.uuid(),
  version: z.int(),
  customer: z.string(),
  status: z.enum(['placed', 'closed']),
  totalMinor: z.int(),
  note: z.string().nullable(),
  tags: z.array(z.string()),
  extra: z.json().nullable(),
  raw: z.unknown(),
  factor: z.string().nullable(),
  placedAt: z.iso.datetime(),
  dueOn: z.iso.date().nullable(),
  seenAt: z.array(z.iso.datetime()).nullable(),
  paid: z.boolean(),
})
const LineRow = z.object({
  orderId: z.uuid(),
  line: z.int(),
  sku: z.string(),
  quantity: z.int(),
  unitMinor: z.int(),
})
const ParcelRow = z.object({ id: z.uuid(), orderId: z.uuid(), line: z.int(), tracking: z.string() })

const Lines = z.array(z.object({ sku: z.string(), quantity: z.int(), unitMinor: z.int() }))
const OrderPlaced = event(
  'OrderPlaced',
  z.object({ customer: z.string(), at: z.string(), lines: Lines }),
)
const LineAdded = event(
  'LineAdded',
  z.object({ line: z.int(), sku: z.string(), quantity: z.int() }),
)
const LineDropped = event('LineDropped', z.object({ line: z.int() }))
const ParcelSent = event(
  'ParcelSent',
  z.object({ parcelId: z.uuid(), line: z.int(), tracking: z.string() }),
)
const Noted = event('Noted', z.object({ note: z.string() }))
const OrderRemoved = event('OrderRemoved', z.object({ lines: z.array(z.int()) }))

export const Order = aggregate('order', {
  id: z.uuid(),
  rows: {
    order: table('orders', OrderRow),
    lines: many('order_lines', LineRow, ['orderId', 'line']),
    parcels: many('parcels', ParcelRow),
  },
  events: [OrderPlaced, LineAdded, LineDropped, ParcelSent, Noted, OrderRemoved],
  write: {
    OrderPlaced: ({ id, data }, to) => [
      to.order.insert({
        customer: data.customer,
        status: 'placed',
        totalMinor: data.lines.reduce((sum, line) => sum + line.quantity * line.unitMinor, 0),
        note: null,
        tags: [],
        extra: null,
        raw: null,
        factor: null,
        placedAt: data.at,
        dueOn: null,
        seenAt: null,
        paid: false,
      }),
      ...data.lines.map((line, i) => to.lines.insert({ orderId: id, line: i + 1, ...line })),
    ],
    LineAdded: ({ id, data }, to) => [to.lines.insert({ orderId: id, unitMinor: 0, ...data })],
    LineDropped: ({ id, data }, to) => [to.lines.delete({ orderId: id, line: data.line })],
    ParcelSent: ({ id, data }, to) => [
      to.parcels.insert({
        id: data.parcelId,
        orderId: id,
        line: data.line,
        tracking: data.tracking,
      }),
    ],
    Noted: ({ data }, to) => [to.order.update({ note: data.note })],
    OrderRemoved: ({ id, data }, to) => [
      ...data.lines.map((line) => to.lines.delete({ orderId: id, line })),
      to.order.delete(),
    ],
  },
})

export const Moved = event('Moved', z.object({ by: z.int() }))

export const Account = aggregate('account', {
  id: z.string(),
  rows: {
    account: table('accounts', z.object({ id: z.string(), version: z.int(), balance: z.int() })),
  },
  events: [Moved],
  write: {
    Moved: ({ data, version }, to) =>
      version === 1
        ? [to.account.insert({ balance: data.by })]
        : [to.account.update({ balance: data.by })],
  },
})

const orderId = z.uuid()

export const placeOrder = Order.command('placeOrder', {
  input: z.object({ orderId, customer: z.string(), lines: Lines }),
  target: (input) => input.orderId,
  on: 'new',
  may: 'anyone',
  decide: ({ input, now }) =>
    OrderPlaced({ customer: input.customer, at: now, lines: input.lines }),
})

export const addLine = Order.command('addLine', {
  input: z.object({ orderId, sku: z.string(), quantity: z.int() }),
  target: (input) => input.orderId,
  on: 'existing',
  may: 'anyone',
  rejections: { TOO_MANY: rule() },
  decide({ input, rows, reject }) {
    if (rows.lines.length >= 500) return reject.TOO_MANY()
    return LineAdded({
      line: (rows.lines.at(-1)?.line ?? 0) + 1,
      sku: input.sku,
      quantity: input.quantity,
    })
  },
})

export const sendParcel = Order.command('sendParcel', {
  input: z.object({ orderId, parcelId: z.uuid(), line: z.int(), tracking: z.string() }),
  target: (input) => input.orderId,
  on: 'existing',
  may: 'anyone',
  decide: ({ input: { parcelId, line, tracking } }) => ParcelSent({ parcelId, line, tracking }),
})

export const note = Order.command('note', {
  input: z.object({ orderId, note: z.string() }),
  target: (input) => input.orderId,
  on: 'existing',
  may: 'anyone',
  decide: ({ input }) => Noted({ note: input.note }),
})

export const dropLine = Order.command('dropLine', {
  input: z.object({ orderId, line: z.int() }),
  target: (input) => input.orderId,
  on: 'existing',
  may: 'anyone',
  decide: ({ input }) => LineDropped({ line: input.line }),
})

export const removeOrder = Order.command('removeOrder', {
  input: z.object({ orderId }),
  target: (input) => input.orderId,
  on: 'existing',
  may: 'anyone',
  decide: ({ rows }) => OrderRemoved({ lines: rows.lines.map(({ line }) => line) }),
})

/** Sets the balance to what it was plus `by`. The tables refuse a negative one. */
export const move = Account.command('move', {
  input: z.object({ account: z.string(), by: z.int() }),
  target: (input) => input.account,
  on: 'either',
  may: 'anyone',
  decide: ({ input, rows }) => Moved({ by: (rows?.account.balance ?? 0) + input.by }),
})

/** Moves money between two accounts in one transaction. */
export const transfer = transactionalCommand('transfer', {
  input: z.object({ from: z.string(), to: z.string(), amount: z.int() }),
  target: (input) => input.from,
  may: 'anyone',
  rejections: { POOR: rule() },
  async run({ input, load, emit, reject }) {
    // Everybody locks in one order, so that nobody waits in a circle.
    const first = await load(Account, input.from < input.to ? input.from : input.to)
    const second = await load(Account, input.from < input.to ? input.to : input.from)
    const [from, to] = input.from < input.to ? [first, second] : [second, first]
    if (from === undefined || from.account.balance < input.amount) return reject.POOR()
    await emit(Account, input.from, Moved({ by: from.account.balance - input.amount }))
    await emit(Account, input.to, Moved({ by: (to?.account.balance ?? 0) + input.amount }))
    return undefined
  },
})

export const reminder = schedule('reminder', Order, {
  OrderPlaced: ({ id }) => ({
    at: '2030-01-01T00:00:00.000Z',
    call: note.call({ orderId: id, note: 'due' }),
  }),
  OrderRemoved: () => 'cancel',
})

export const shop = app({
  aggregates: { Order, Account },
  commands: { placeOrder, addLine, sendParcel, note, dropLine, removeOrder, move, transfer },
  projections: {},
  queries: {},
  schedules: { reminder },
})
