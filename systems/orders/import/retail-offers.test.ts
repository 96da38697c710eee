import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { openOffers } from '../offers-folder.ts'
import { offerRetail } from './import-retail.ts'
import { retailFile } from './retail-rows.ts'

test('offers each code with its most frequent title and its last price, beside what is offered already', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'retail-'))
  const lines = [
    'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country',
    '1,85123A,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,17850.0,UK',
    '1,85123A,CREAM HANGING HEART,6,2010-12-01 08:26:00,2.55,17850.0,UK',
    '2,85123A,WHITE HANGING HEART,1,2010-12-02 08:26:00,2.95,17850.0,UK',
    '2,85123A,wrongly marked,-3,2010-12-02 08:26:00,0,,UK',
    '2,POST,POSTAGE,1,2010-12-02 08:26:00,18,17850.0,UK',
    '2,22139,,1,2010-12-02 08:26:00,0,,UK',
  ]
  writeFileSync(join(folder, retailFile), gzipSync(lines.join('\n')))
  expect(await offerRetail(folder, folder)).toEqual({ rows: 6 })
  const { bySku } = openOffers(folder)
  expect(bySku.get('85123A')).toEqual({
    sku: '85123A',
    sellerId: 'giftware-85',
    title: 'WHITE HANGING HEART',
    currency: 'GBP',
    unitMinor: 295,
  })
  expect(bySku.get('POST')).toMatchObject({
    sellerId: 'giftware-house',
    title: 'POSTAGE',
    unitMinor: 1_800,
  })
  expect(bySku.get('22139')).toMatchObject({ title: 'Product 22139', unitMinor: 0 })
  expect(bySku.get('LMP-1001')).toBeDefined()
  rmSync(folder, { recursive: true })
})
