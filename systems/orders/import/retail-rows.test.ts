import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  isUnreadable,
  retailFile,
  retailRows,
  type RetailRow,
  type UnreadableRow,
} from './retail-rows.ts'

const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country'
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'retail-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function read(...lines: string[]): Promise<(RetailRow | UnreadableRow)[]> {
  writeFileSync(join(folder, retailFile), gzipSync(lines.join('\n')))
  return Array.fromAsync(retailRows(folder))
}

test('reads a line with quotes, commas and a customer', async () => {
  const [row] = await read(
    header,
    '536381,82567,"RECORD FRAME 7"" , SINGLE ",2,2010-12-01 09:41:00,2.1,15311.0,United Kingdom',
  )
  expect(row).toEqual({
    row: 1,
    invoiceNo: '536381',
    stockCode: '82567',
    description: 'RECORD FRAME 7" , SINGLE',
    quantity: 2,
    at: '2010-12-01T09:41:00.000Z',
    unitPrice: 2_100n,
    customer: '15311',
  })
})

test('keeps a missing customer and a price of three decimals', async () => {
  const [row] = await read(header, '550193,PADS,,1,2011-04-15 09:27:00,0.001,,United Kingdom')
  expect(row).toMatchObject({ customer: undefined, unitPrice: 1n, description: '' })
})

test.each([
  ['536381,82567,X,two,2010-12-01 09:41:00,2.1,15311.0,UK', /quantity/],
  ['536381,82567,X,0,2010-12-01 09:41:00,2.1,15311.0,UK', /quantity/],
  ['536381,82567,X,1,2010-13-01 09:41:00,2.1,15311.0,UK', /time/],
  ['536381,82567,X,1,2010-12-01 09:41:00,2.12345,15311.0,UK', /price/],
  ['536381,82567,X,1', /8 fields, got 4/],
  [',82567,X,1,2010-12-01 09:41:00,2.1,15311.0,UK', /invoice number/],
])('says what is wrong with %s', async (line, problem) => {
  const [row] = await read(header, line)
  expect(isUnreadable(row!)).toBe(true)
  expect(row).toMatchObject({ row: 1, problem: expect.stringMatching(problem) as string })
})

test('refuses another table', async () => {
  await expect(read('a,b,c', '1,2,3')).rejects.toThrow(
    /expected online-retail.csv.gz to have the columns/,
  )
})

test('refuses a folder without the file', async () => {
  await expect(Array.fromAsync(retailRows(join(folder, 'nowhere')))).rejects.toThrow(/ENOENT/)
})
