import { expect, test } from 'vitest'
import { Credits } from './credits.ts'
import { planInvoice, type Plan } from './retail-commands.ts'
import type { RetailRow } from './retail-rows.ts'
import { sourceId } from './source-id.ts'

let number = 0
function line(over: Partial<RetailRow> = {}): RetailRow {
  number += 1
  return {
    row: number,
    invoiceNo: '536365',
    stockCode: '85123A',
    description: 'HEART',
    quantity: 6,
    at: '2010-12-01T08:26:00.000Z',
    unitPrice: 2_550n,
    customer: '17850',
    ...over,
  }
}

function plan(invoiceNo: string, rows: RetailRow[], credits = new Credits()): Plan {
  return planInvoice({ invoiceNo, rows: rows.map((row) => ({ ...row, invoiceNo })) }, credits)
}

function codes({ rejected }: Plan): string[] {
  return rejected.map(({ code }) => code)
}

const orderId = sourceId('online-retail', 'invoice', '536365')

test('makes an order of an invoice and pays it when it was invoiced', () => {
  const planned = plan('536365', [
    line(),
    line({ stockCode: '71053', quantity: 2, unitPrice: 3_390n }),
  ])
  expect(planned.commands.map(({ command, key }) => [command, key])).toEqual([
    ['placeOrder', 'online-retail/place/536365'],
    ['registerPayment', 'online-retail/pay/536365'],
  ])
  expect(planned.commands[0]!.input).toEqual({
    orderId,
    customerId: '17850',
    currency: 'GBP',
    items: [
      { sku: '85123A', quantity: 6, unitMinor: 255 },
      { sku: '71053', quantity: 2, unitMinor: 339 },
    ],
    reference: '536365',
    occurredAt: '2010-12-01T08:26:00.000Z',
  })
  expect(planned.commands[1]!.input).toMatchObject({
    orderId,
    amountMinor: 6 * 255 + 2 * 339,
    method: 'card',
  })
})

test('keeps two equal lines as two lines', () => {
  const row = line()
  const planned = plan('536365', [row, { ...row, row: row.row + 1 }])
  expect(planned.commands[0]!.input['items']).toHaveLength(2)
})

test('makes one order of an invoice of 1,114 lines in one minute', () => {
  const planned = plan(
    '573585',
    Array.from({ length: 1_114 }, () => line({ customer: undefined })),
  )
  expect(planned.commands[0]!.input['items']).toHaveLength(1_114)
})

test('takes a line without a customer as that of a guest of this invoice', () => {
  const planned = plan('536414', [line({ customer: undefined })])
  expect(planned.commands[0]!.input).toMatchObject({ customerId: 'guest-536414' })
})

test('takes the first time of an invoice that has two', () => {
  const planned = plan('536591', [line(), line({ at: '2010-12-01T08:27:00.000Z' })])
  expect(planned.commands[0]!.input).toMatchObject({ occurredAt: '2010-12-01T08:26:00.000Z' })
})

test('takes services as lines: postage, discounts, bank charges', () => {
  const rows = ['POST', 'D', 'M', 'BANK CHARGES'].map((stockCode) =>
    line({ stockCode, quantity: 1 }),
  )
  const planned = plan('536365', rows)
  expect(codes(planned)).toEqual([])
  expect(planned.commands[0]!.input['items']).toMatchObject(
    rows.map(({ stockCode }) => ({ sku: stockCode })),
  )
})

test('gives a line away that a customer gets for nothing, and pays no order that costs nothing', () => {
  const planned = plan('536365', [line({ unitPrice: 0n })])
  expect(planned.commands.map(({ command }) => command)).toEqual(['placeOrder'])
})

test('rejects corrections of the stock, which nobody bought and which cost nothing', () => {
  const nobody = { customer: undefined, unitPrice: 0n }
  const planned = plan('536414', [
    line({ ...nobody, quantity: 56 }),
    line({ ...nobody, quantity: -10 }),
  ])
  expect(codes(planned)).toEqual(['STOCK_ADJUSTMENT', 'STOCK_ADJUSTMENT'])
  expect(planned.commands).toEqual([])
})

test('rejects negative quantities and prices outside of credits', () => {
  expect(codes(plan('536365', [line({ quantity: -1 }), line({ unitPrice: -1n })]))).toEqual([
    'NEGATIVE_QUANTITY',
    'NEGATIVE_PRICE',
  ])
})

test('leaves bad debt to another system', () => {
  const rows = [line({ unitPrice: 11_062_060n }), line({ unitPrice: -11_062_060n })]
  expect(codes(plan('A563185', rows))).toEqual(['BAD_DEBT', 'BAD_DEBT'])
})

test('cancels what a credit is about, the oldest order first, over several orders', () => {
  const credits = new Credits()
  plan('536365', [line({ quantity: 6 })], credits)
  plan('536370', [line({ stockCode: 'X1000', quantity: 1 }), line({ quantity: 10 })], credits)
  const planned = plan('C536379', [line({ quantity: -8 })], credits)
  const second = sourceId('online-retail', 'invoice', '536370')
  expect(
    planned.commands.map((command) => [command.command, command.orderId, command.input['items']]),
  ).toEqual([
    ['cancelItems', orderId, [{ line: 1, quantity: 6 }]],
    ['cancelItems', second, [{ line: 2, quantity: 2 }]],
  ])
  // The rest of the second order is left for the next credit.
  expect(plan('C536380', [line({ quantity: -8 })], credits).commands[0]!.input['items']).toEqual([
    { line: 2, quantity: 8 },
  ])
})

test('adds up two rows of a credit about the same line', () => {
  const credits = new Credits()
  plan('536365', [line({ quantity: 6 })], credits)
  const planned = plan('C536379', [line({ quantity: -1 }), line({ quantity: -2 })], credits)
  expect(planned.commands).toHaveLength(1)
  expect(planned.commands[0]!.input['items']).toEqual([{ line: 1, quantity: 3 }])
  expect(planned.commands[0]!.rows).toHaveLength(2)
})

test('rejects a credit for more than was bought, of another customer, or of nobody', () => {
  const credits = new Credits()
  plan('536365', [line({ quantity: 6 })], credits)
  const rows = [
    line({ quantity: -7 }),
    line({ quantity: -1, customer: '12345' }),
    line({ quantity: -1, customer: undefined }),
  ]
  expect(codes(plan('C536379', rows, credits))).toEqual([
    'UNMATCHED_CREDIT',
    'UNMATCHED_CREDIT',
    'UNMATCHED_CREDIT',
  ])
})

test('turns a credit into a return where nothing is open any more', () => {
  const credits = new Credits()
  plan('536365', [line()], credits)
  const [cancel] = plan('C536379', [line({ quantity: -1 })], credits).commands
  expect(cancel!.otherwise).toMatchObject({
    command: 'registerReturn',
    input: {
      orderId,
      returnId: sourceId('online-retail', 'return', 'C536379', orderId),
      items: [{ line: 1, quantity: 1 }],
    },
  })
})
