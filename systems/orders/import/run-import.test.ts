import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RejectedRow } from './import-report.ts'
import { nothingWithin } from './import-retail.ts'
import { retailFile } from './retail-rows.ts'
import { runImport } from './run-import.ts'
import type { Send } from './send-command.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'retail-'))
  const rows = [
    'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country',
    '1,A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,UK',
    '1,B,LANTERN,1,2010-12-01 08:26:00,3.39,17850.0,UK',
    'broken',
    '2,A,HEART,1,2010-12-01 08:27:00,0,,UK',
    'C3,A,HEART,-2,2010-12-02 09:00:00,2.55,17850.0,UK',
    'A4,B,Adjust bad debt,1,2010-12-02 09:00:00,-10.5,,UK',
  ]
  writeFileSync(join(folder, retailFile), gzipSync(rows.join('\n')))
})
afterAll(() => rmSync(folder, { recursive: true }))

function log(answer: (command: string) => Awaited<ReturnType<Send>> = () => ({ ok: true })): {
  send: Send
  sent: string[]
} {
  const sent: string[] = []
  const send: Send = async (command, key) => {
    sent.push(key)
    return answer(command)
  }
  return { send, sent }
}

test('a limit within the first invoice imports nothing, and says so', async () => {
  const { send, sent } = log()
  const run = (limit: number) => runImport({ folder, send, limit, onRejected: () => undefined })
  const nothing = await run(1)
  expect([nothing.invoices, sent]).toEqual([0, []])
  expect(nothingWithin(1, nothing)).toMatch(/^nothing was imported: .* within 1 rows/)
  expect(nothingWithin(2, await run(2))).toBeUndefined()
  expect(nothingWithin(undefined, nothing)).toBeUndefined()
})

test('adds up all rows, and accepted and rejected ones make them up', async () => {
  const rejected: RejectedRow[] = []
  const summary = await runImport({
    folder,
    send: log().send,
    onRejected: (row) => rejected.push(row),
  })
  expect(summary).toMatchObject({
    rows: 6,
    invoices: 4,
    commands: 3,
    accepted: 3,
    rejected: { BAD_DEBT: 1, STOCK_ADJUSTMENT: 1, UNREADABLE_ROW: 1 },
    gross: '18.69',
    credits: '-5.10',
    badDebt: '-10.50',
  })
  expect(rejected.map(({ row, code }) => [row, code])).toEqual([
    [3, 'UNREADABLE_ROW'],
    [4, 'STOCK_ADJUSTMENT'],
    [6, 'BAD_DEBT'],
  ])
})

test('sends the same keys again, so that importing again changes nothing', async () => {
  const first = log()
  const second = log()
  await runImport({ folder, send: first.send, onRejected: () => undefined })
  await runImport({ folder, send: second.send, onRejected: () => undefined })
  expect(second.sent).toEqual(first.sent)
  expect(new Set(first.sent).size).toBe(first.sent.length)
})

test('reports the rows of a refused command with its code', async () => {
  const refusing = log((command) =>
    command === 'placeOrder'
      ? { ok: false, code: 'UNKNOWN_SKU', detail: { sku: 'A' } }
      : { ok: true },
  )
  const rejected: RejectedRow[] = []
  const summary = await runImport({
    folder,
    send: refusing.send,
    onRejected: (row) => rejected.push(row),
  })
  expect(summary.rejected).toMatchObject({ UNKNOWN_SKU: 2 })
  expect(
    rejected.filter(({ code }) => code === 'UNKNOWN_SKU').map(({ row, detail }) => [row, detail]),
  ).toEqual([
    [1, { sku: 'A' }],
    [2, { sku: 'A' }],
  ])
})

test('registers a return where nothing is open to cancel', async () => {
  const shipped = log((command) =>
    command === 'cancelItems'
      ? { ok: false, code: 'ALREADY_SHIPPED', detail: { line: 1 } }
      : { ok: true },
  )
  const summary = await runImport({ folder, send: shipped.send, onRejected: () => undefined })
  expect(shipped.sent.at(-1)).toMatch(/^online-retail\/return\/C3\//)
  expect(summary.accepted).toBe(3)
})

test('sends the commands of one order one after the other', async () => {
  let placed = false
  const send: Send = async (command) => {
    if (command === 'placeOrder') {
      await new Promise((resolve) => setImmediate(resolve))
      placed = true
    } else expect(placed).toBe(true)
    return { ok: true }
  }
  await runImport({ folder, send, onRejected: () => undefined })
  expect(placed).toBe(true)
})

const unreachable: Send = () => Promise.reject(new Error('connection lost'))

test('stops with a word on how to go on when the system stays away', async () => {
  await expect(
    runImport({ folder, send: unreachable, onRejected: () => undefined }),
  ).rejects.toThrow(/run it again to continue/)
})
