import { isUnreadable, type RetailRow, type UnreadableRow } from './retail-rows.ts'

/** The rows of one invoice number, in the order of the source. */
export interface Invoice {
  readonly invoiceNo: string
  readonly rows: readonly RetailRow[]
}

/**
 * Groups rows into invoices. The source is in the order of days and an invoice never spans two, but its rows are not always
 * next to each other nor of the same minute: so a day is read whole, and memory holds one day.
 * With `limit`, the invoices before the first one that has a row beyond it: what a longer import begins with as well.
 */
export async function* invoices(
  rows: AsyncIterable<RetailRow | UnreadableRow>,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Invoice | UnreadableRow> {
  let day = ''
  let open = new Map<string, RetailRow[]>()
  for await (const row of rows) {
    if (isUnreadable(row)) {
      if (row.row <= limit) yield row
      continue
    }
    const ofDay = row.at.slice(0, 10)
    if (ofDay !== day) {
      if (yield* within(open, limit)) return
      open = new Map()
      day = ofDay
    }
    const list = open.get(row.invoiceNo)
    if (list === undefined) open.set(row.invoiceNo, [row])
    else list.push(row)
  }
  yield* within(open, limit)
}

/** Hands out invoices in the order of their first rows; answers whether the limit was met. */
function* within(
  open: ReadonlyMap<string, RetailRow[]>,
  limit: number,
): Generator<Invoice, boolean> {
  for (const [invoiceNo, rows] of open) {
    if (rows.at(-1)!.row > limit) return true
    yield { invoiceNo, rows }
  }
  return false
}
