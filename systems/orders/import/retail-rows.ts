import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { parse } from 'csv-parse'
import { thousandths, type Thousandths } from './thousandths.ts'

/** A line of an invoice, as the source has it. */
export interface RetailRow {
  /** Line of the data, from 1; the header is not counted. */
  readonly row: number
  readonly invoiceNo: string
  readonly stockCode: string
  readonly description: string
  readonly quantity: number
  /** The source has local times without a zone; they are taken as UTC. */
  readonly at: string
  readonly unitPrice: Thousandths
  /** Undefined: the source does not know the customer. */
  readonly customer: string | undefined
}

/** A line that is no invoice line at all. */
export interface UnreadableRow {
  readonly row: number
  readonly problem: string
}

export const retailFile = 'online-retail.csv.gz'

const columns = [
  'InvoiceNo',
  'StockCode',
  'Description',
  'Quantity',
  'InvoiceDate',
  'UnitPrice',
  'CustomerID',
  'Country',
]

/** Streams the rows of the data set in `folder`. Throws when the file is missing or is another table. */
export async function* retailRows(folder: string): AsyncGenerator<RetailRow | UnreadableRow> {
  const parser = parse({ bom: true, relax_column_count: true })
  // Errors of any of the three reach the parser's reader.
  pipeline(createReadStream(join(folder, retailFile)), createGunzip(), parser, () => undefined)
  let row = -1
  for await (const record of parser as AsyncIterable<string[]>) {
    row += 1
    if (row === 0) checkHeader(record)
    else yield rowOf(row, record)
  }
}

export function isUnreadable(row: object): row is UnreadableRow {
  return 'problem' in row
}

function checkHeader(record: readonly string[]): void {
  if (record.join() !== columns.join()) {
    throw new Error(
      `expected ${retailFile} to have the columns ${columns.join(', ')}, got ${record.join(', ').slice(0, 200)}`,
    )
  }
}

function rowOf(row: number, record: readonly string[]): RetailRow | UnreadableRow {
  const [invoiceNo, stockCode, description, quantityText, date, price, customer] = record
  if (record.length !== columns.length)
    return { row, problem: `expected ${columns.length} fields, got ${record.length}` }
  if (invoiceNo === '' || stockCode === '')
    return { row, problem: 'expected an invoice number and a stock code, got none' }
  const quantity = /^-?\d{1,9}$/.test(quantityText!) ? Number(quantityText) : 0
  if (quantity === 0)
    return { row, problem: `expected a quantity other than 0, got "${quantityText}"` }
  const at = instant(date!)
  if (at === undefined) return { row, problem: `expected a time, got "${date}"` }
  const unitPrice = thousandths(price!)
  if (unitPrice === undefined) return { row, problem: `expected a price, got "${price}"` }
  return {
    row,
    invoiceNo: invoiceNo!,
    stockCode: stockCode!,
    description: description!.trim().replaceAll(/\s+/g, ' '),
    quantity,
    at,
    unitPrice,
    customer: customer === '' ? undefined : customer!.replace(/\.0$/, ''),
  }
}

function instant(text: string): string | undefined {
  const match = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})$/.exec(text)
  const at = match === null ? undefined : `${match[1]}T${match[2]}.000Z`
  return at === undefined || Number.isNaN(Date.parse(at)) ? undefined : at
}
