import { aggregate, app, event, rule, table } from 'tailrace'
import { z } from 'zod'

// Two aggregates of one row each: one that everybody wants at once, and one that is made once per call.

/** Their tables. */
export const smallTables = `
  create table products (id text primary key, version bigint not null, available integer not null check (available >= 0));
  create table notes (id uuid primary key, version bigint not null);`

const StockReserved = event('StockReserved', z.object({ quantity: z.int(), available: z.int() }))

const Product = aggregate('product', {
  id: z.string(),
  rows: {
    product: table('products', z.object({ id: z.string(), version: z.int(), available: z.int() })),
  },
  events: [StockReserved],
  write: {
    StockReserved: ({ data }, to) => [to.product.update({ available: data.available })],
  },
})

const reserve = Product.command('reserve', {
  input: z.strictObject({ sku: z.string(), quantity: z.int().min(1) }),
  target: ({ sku }) => sku,
  on: 'existing',
  may: 'anyone',
  rejections: { OUT_OF_STOCK: rule(z.object({ available: z.int() })) },
  decide({ input: { quantity }, rows, reject }) {
    const { available } = rows.product
    if (available < quantity) return reject.OUT_OF_STOCK({ available })
    return StockReserved({ quantity, available: available - quantity })
  },
})

/** The payload of an event that is appended for its own sake: 207 bytes of JSON. */
const NoteData = z.strictObject({
  orderId: z.int(),
  customerId: z.int(),
  currency: z.string(),
  total: z.int(),
  lines: z.array(z.strictObject({ productId: z.int(), qty: z.int(), price: z.int() })),
  correlationId: z.string(),
})

export const noteData: z.infer<typeof NoteData> = {
  orderId: 123_456,
  customerId: 4_242,
  currency: 'EUR',
  total: 4_200,
  lines: [
    { productId: 11, qty: 1, price: 2_100 },
    { productId: 12, qty: 1, price: 2_100 },
  ],
  correlationId: '0192f0c1-7a3e-7cc0-b1d2-8f1f9d0a1b2c',
}

const Noted = event('Noted', NoteData)

const Note = aggregate('note', {
  id: z.uuid(),
  rows: { note: table('notes', z.object({ id: z.string(), version: z.int() })) },
  events: [Noted],
  write: { Noted: (_, to) => [to.note.insert({})] },
})

const write = Note.command('write', {
  input: z.strictObject({ noteId: z.uuid(), data: NoteData }),
  target: ({ noteId }) => noteId,
  on: 'new',
  may: 'anyone',
  decide: ({ input: { data } }) => Noted(data),
})

export const smallApp = app({
  aggregates: { Product, Note },
  commands: { reserve, write },
  projections: {},
  queries: {},
})
