import { expect, test } from 'vitest'
import { invoices, type Invoice } from './invoices.ts'
import type { RetailRow, UnreadableRow } from './retail-rows.ts'

function row(number: number, invoiceNo: string, at: string): RetailRow {
  return {
    row: number,
    invoiceNo,
    stockCode: '85123A',
    description: 'HEART',
    quantity: 1,
    at: `${at}:00.000Z`,
    unitPrice: 1_000n,
    customer: '17850',
  }
}

async function group(
  rows: (RetailRow | UnreadableRow)[],
  limit?: number,
): Promise<[string, number[]][]> {
  async function* source() {
    yield* rows
  }
  const found = (await Array.fromAsync(invoices(source(), limit))) as Invoice[]
  return found.map((invoice) => [invoice.invoiceNo, invoice.rows.map((one) => one.row)])
}

const day = [
  row(1, '536591', '2010-12-01T16:57'),
  row(2, '536592', '2010-12-01T16:57'),
  // Two timestamps in one invoice, and another invoice in between.
  row(3, '536591', '2010-12-01T16:58'),
  row(4, '536593', '2010-12-02T08:00'),
  row(5, '536593', '2010-12-02T08:00'),
]

test('groups rows of an invoice that are apart and of different minutes', async () => {
  expect(await group(day)).toEqual([
    ['536591', [1, 3]],
    ['536592', [2]],
    ['536593', [4, 5]],
  ])
})

test('keeps exact duplicates: nothing marks them as errors', async () => {
  const twice = [day[0]!, { ...day[0]!, row: 2 }]
  expect(await group(twice)).toEqual([['536591', [1, 2]]])
})

test.each([
  [2, []],
  [3, ['536591', '536592']],
  [4, ['536591', '536592']],
  [5, ['536591', '536592', '536593']],
])(
  'with a limit of %i takes the beginning that a longer import has too',
  async (limit, expected) => {
    expect((await group(day, limit)).map(([invoiceNo]) => invoiceNo)).toEqual(expected)
  },
)
