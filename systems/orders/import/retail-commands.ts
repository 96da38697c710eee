import type { Credits, LinePart } from './credits.ts'
import type { Invoice } from './invoices.ts'
import type { RetailRow } from './retail-rows.ts'
import { sourceId } from './source-id.ts'
import { pence } from './thousandths.ts'

/** Why a row does not become part of a command. */
export type RowRejection =
  | 'BAD_DEBT'
  | 'STOCK_ADJUSTMENT'
  | 'NEGATIVE_QUANTITY'
  | 'NEGATIVE_PRICE'
  | 'UNMATCHED_CREDIT'

/** A command to send, and the rows that stand or fall with it. */
export interface PlannedCommand {
  readonly command: 'placeOrder' | 'registerPayment' | 'cancelItems'
  readonly orderId: string
  /** The same for every import of the same source. */
  readonly key: string
  readonly input: Readonly<Record<string, unknown>>
  /** Numbers of the rows whose content it carries; empty for one that only follows from others. */
  readonly rows: readonly number[]
  /** When open items are gone already, the credit is a return. */
  readonly otherwise?: {
    readonly command: 'registerReturn'
    readonly key: string
    readonly input: Readonly<Record<string, unknown>>
  }
}

export interface Plan {
  readonly commands: readonly PlannedCommand[]
  readonly rejected: readonly { readonly row: RetailRow; readonly code: RowRejection }[]
}

const currency = 'GBP'
const source = 'online-retail'

/**
 * What an invoice asks of the order system. An ordinary one is an order, paid in full when it was invoiced; `C…` credits
 * earlier lines; `A…` adjusts bad debt, which is no matter of orders. Rows repeat without being errors: each is a line.
 */
export function planInvoice(invoice: Invoice, credits: Credits): Plan {
  if (invoice.invoiceNo.startsWith('A'))
    return { commands: [], rejected: all(invoice.rows, 'BAD_DEBT') }
  return invoice.invoiceNo.startsWith('C')
    ? planCredit(invoice, credits)
    : planOrder(invoice, credits)
}

function all(rows: readonly RetailRow[], code: RowRejection): Plan['rejected'] {
  return rows.map((row) => ({ row, code }))
}

function planOrder({ invoiceNo, rows }: Invoice, credits: Credits): Plan {
  const rejected: { row: RetailRow; code: RowRejection }[] = []
  const lines: RetailRow[] = []
  for (const row of rows) {
    const code = orderLineProblem(row)
    if (code === undefined) lines.push(row)
    else rejected.push({ row, code })
  }
  const [first] = lines
  if (first === undefined) return { commands: [], rejected }
  const orderId = sourceId(source, 'invoice', invoiceNo)
  // Of an invoice with two times, the first counts.
  const occurredAt = first.at
  for (const [i, row] of lines.entries()) credits.sell(row, orderId, i + 1)
  const items = lines.map(({ stockCode, quantity, unitPrice }) => ({
    sku: stockCode,
    quantity,
    unitMinor: pence(unitPrice),
  }))
  const totalMinor = items.reduce((sum, { quantity, unitMinor }) => sum + quantity * unitMinor, 0)
  const customerId = first.customer ?? `guest-${invoiceNo}`
  const place: PlannedCommand = {
    command: 'placeOrder',
    orderId,
    key: `${source}/place/${invoiceNo}`,
    input: { orderId, customerId, currency, items, reference: invoiceNo, occurredAt },
    rows: lines.map(({ row }) => row),
  }
  return {
    commands:
      totalMinor === 0 ? [place] : [place, payment(orderId, invoiceNo, totalMinor, occurredAt)],
    rejected,
  }
}

/** Stock is not our matter; the source books its corrections as invoices of nobody that cost nothing. */
function orderLineProblem({ customer, quantity, unitPrice }: RetailRow): RowRejection | undefined {
  if (unitPrice === 0n && customer === undefined) return 'STOCK_ADJUSTMENT'
  if (quantity < 0) return 'NEGATIVE_QUANTITY'
  return unitPrice < 0n ? 'NEGATIVE_PRICE' : undefined
}

function payment(
  orderId: string,
  invoiceNo: string,
  amountMinor: number,
  occurredAt: string,
): PlannedCommand {
  const paymentId = sourceId(source, 'payment', invoiceNo)
  return {
    command: 'registerPayment',
    orderId,
    key: `${source}/pay/${invoiceNo}`,
    input: { orderId, paymentId, method: 'card', amountMinor, currency, occurredAt },
    rows: [],
  }
}

function planCredit({ invoiceNo, rows }: Invoice, credits: Credits): Plan {
  const rejected: { row: RetailRow; code: RowRejection }[] = []
  const orders = new Map<string, { readonly lines: Map<number, number>; readonly rows: number[] }>()
  for (const row of rows) {
    const parts = row.quantity < 0 ? credits.take(row) : undefined
    if (parts === undefined) rejected.push({ row, code: 'UNMATCHED_CREDIT' })
    else for (const part of parts) addPart(orders, part, row.row)
  }
  const occurredAt = rows[0]!.at
  const commands = [...orders].map(([orderId, { lines, rows: of }]): PlannedCommand => {
    const items = [...lines].map(([line, quantity]) => ({ line, quantity }))
    const reason = `Credit note ${invoiceNo}`
    const returnId = sourceId(source, 'return', invoiceNo, orderId)
    return {
      command: 'cancelItems',
      orderId,
      key: `${source}/cancel/${invoiceNo}/${orderId}`,
      input: { orderId, items, reason, occurredAt },
      rows: of,
      otherwise: {
        command: 'registerReturn',
        key: `${source}/return/${invoiceNo}/${orderId}`,
        input: { orderId, returnId, items, reason, occurredAt },
      },
    }
  })
  return { commands, rejected }
}

function addPart(
  orders: Map<string, { readonly lines: Map<number, number>; readonly rows: number[] }>,
  { orderId, line, quantity }: LinePart,
  row: number,
): void {
  const order = orders.get(orderId) ?? { lines: new Map<number, number>(), rows: [] }
  orders.set(orderId, order)
  order.lines.set(line, (order.lines.get(line) ?? 0) + quantity)
  if (order.rows.at(-1) !== row) order.rows.push(row)
}
