import type { RetailRow, UnreadableRow } from './retail-rows.ts'
import { decimal, type Thousandths } from './thousandths.ts'

/** The last line of `--json`. Money: sums over the rows of the source, exact. */
export interface ImportSummary {
  readonly rows: number
  readonly invoices: number
  /** Commands sent. */
  readonly commands: number
  /** Rows that are in the order system now. With `rejected` they make up `rows`. */
  readonly accepted: number
  readonly rejected: Readonly<Record<string, number>>
  readonly gross: string
  readonly credits: string
  readonly badDebt: string
  readonly seconds: number
}

/** A row that is not in the order system, and why. */
export interface RejectedRow {
  readonly row: number
  readonly code: string
  readonly invoiceNo?: string
  readonly stockCode?: string
  readonly quantity?: number
  readonly unitPrice?: string
  readonly detail?: unknown
}

/** Adds up what an import does. Each rejected row goes to `onRejected` once. */
export class ImportReport {
  #rows = 0
  #invoices = 0
  #commands = 0
  #gross: Thousandths = 0n
  #credits: Thousandths = 0n
  #badDebt: Thousandths = 0n
  readonly #rejected = new Map<string, number>()
  readonly #onRejected: (rejected: RejectedRow) => void

  constructor(onRejected: (rejected: RejectedRow) => void) {
    this.#onRejected = onRejected
  }

  get rows(): number {
    return this.#rows
  }

  invoice(rows: readonly RetailRow[]): void {
    this.#invoices += 1
    for (const { invoiceNo, quantity, unitPrice } of rows) {
      this.#rows += 1
      const amount = BigInt(quantity) * unitPrice
      if (invoiceNo.startsWith('C')) this.#credits += amount
      else if (invoiceNo.startsWith('A')) this.#badDebt += amount
      else this.#gross += amount
    }
  }

  unreadable({ row, problem }: UnreadableRow): void {
    this.#rows += 1
    this.#reject({ row, code: 'UNREADABLE_ROW', detail: problem })
  }

  command(): void {
    this.#commands += 1
  }

  reject(
    { row, invoiceNo, stockCode, quantity, unitPrice }: RetailRow,
    code: string,
    detail?: unknown,
  ): void {
    const rejected = { row, code, invoiceNo, stockCode, quantity, unitPrice: decimal(unitPrice) }
    this.#reject(detail === undefined ? rejected : { ...rejected, detail })
  }

  summary(seconds: number): ImportSummary {
    const rejected = [...this.#rejected].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return {
      rows: this.#rows,
      invoices: this.#invoices,
      commands: this.#commands,
      accepted: this.#rows - rejected.reduce((sum, [, count]) => sum + count, 0),
      rejected: Object.fromEntries(rejected),
      gross: decimal(this.#gross),
      credits: decimal(this.#credits),
      badDebt: decimal(this.#badDebt),
      seconds: Math.round(seconds * 10) / 10,
    }
  }

  #reject(rejected: RejectedRow): void {
    this.#rejected.set(rejected.code, (this.#rejected.get(rejected.code) ?? 0) + 1)
    this.#onRejected(rejected)
  }
}
