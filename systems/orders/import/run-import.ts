import { Credits } from './credits.ts'
import { ImportReport, type ImportSummary, type RejectedRow } from './import-report.ts'
import { invoices, type Invoice } from './invoices.ts'
import { planInvoice, type PlannedCommand } from './retail-commands.ts'
import { isUnreadable, retailRows, type RetailRow } from './retail-rows.ts'
import type { Send, Sent } from './send-command.ts'

export interface ImportOptions {
  readonly folder: string
  readonly send: Send
  /** Only the invoices within the first so many rows. */
  readonly limit?: number | undefined
  readonly onRejected: (rejected: RejectedRow) => void
  /** Called as rows are done with. */
  readonly onProgress?: (rows: number) => void
  readonly signal?: AbortSignal
}

/** How many rows may be under way. So many commands wait together that the executor can commit them together. */
const rowsUnderWayMax = 6_000
const commandsUnderWayMax = 400

/**
 * Sends the data set to the order system. Stateless: what is imported already answers from its record, so an import that
 * was stopped is started again, and one that is complete changes nothing. Throws when the system stays away.
 */
export async function runImport(options: ImportOptions): Promise<ImportSummary> {
  const started = performance.now()
  const run = new ImportRun(options)
  for await (const invoice of invoices(retailRows(options.folder), options.limit)) {
    options.signal?.throwIfAborted()
    if (isUnreadable(invoice)) run.report.unreadable(invoice)
    else await run.add(invoice)
  }
  await run.finish()
  return run.report.summary((performance.now() - started) / 1_000)
}

class ImportRun {
  readonly report: ImportReport
  readonly #send: Send
  readonly #onProgress: (rows: number) => void
  readonly #credits = new Credits()
  /** The last command under way of each order: the next one waits for it. */
  readonly #ofOrder = new Map<string, Promise<unknown>>()
  readonly #underWay = new Set<Promise<void>>()
  #rowsUnderWay = 0
  #commandsUnderWay = 0
  #rowsDone = 0
  #failure: unknown

  constructor({ send, onRejected, onProgress = () => undefined }: ImportOptions) {
    this.report = new ImportReport(onRejected)
    this.#send = send
    this.#onProgress = onProgress
  }

  /** Plans an invoice and sends its commands; returns when there is room for another. */
  async add(invoice: Invoice): Promise<void> {
    this.report.invoice(invoice.rows)
    const { commands, rejected } = planInvoice(invoice, this.#credits)
    for (const { row, code } of rejected) this.report.reject(row, code)
    const invoiceDone = this.#sendAll(invoice, commands).catch((error: unknown) => {
      this.#failure ??= error
    })
    const weight = invoice.rows.length
    this.#rowsUnderWay += weight
    this.#commandsUnderWay += commands.length
    const tracked = invoiceDone.then(() => {
      this.#underWay.delete(tracked)
      this.#rowsUnderWay -= weight
      this.#commandsUnderWay -= commands.length
      this.#rowsDone += weight
      this.#onProgress(this.#rowsDone)
    })
    this.#underWay.add(tracked)
    while (this.#rowsUnderWay > rowsUnderWayMax || this.#commandsUnderWay > commandsUnderWayMax) {
      await Promise.race(this.#underWay)
    }
    this.#check()
  }

  async finish(): Promise<void> {
    await Promise.all(this.#underWay)
    this.#check()
  }

  #check(): void {
    if (this.#failure !== undefined) {
      throw new Error('the import stopped; run it again to continue', { cause: this.#failure })
    }
  }

  async #sendAll({ rows }: Invoice, commands: readonly PlannedCommand[]): Promise<void> {
    const outcomes = await Promise.all(commands.map((command) => this.#sendInOrder(command)))
    // A row of a credit may be in several commands: it is in the system when all of them are.
    const refused = new Map<number, Exclude<Sent, { ok: true }>>()
    for (const [i, outcome] of outcomes.entries()) {
      if (!outcome.ok) for (const row of commands[i]!.rows) refused.set(row, outcome)
    }
    for (const row of rows) this.#reportRefused(row, refused.get(row.row))
  }

  #reportRefused(row: RetailRow, refusal: Exclude<Sent, { ok: true }> | undefined): void {
    if (refusal !== undefined) this.report.reject(row, refusal.code, refusal.detail)
  }

  /** After the command before it on the same order. */
  async #sendInOrder(planned: PlannedCommand): Promise<Sent> {
    const before = this.#ofOrder.get(planned.orderId)
    const sent =
      before === undefined ? this.#sendOne(planned) : before.then(() => this.#sendOne(planned))
    const settled = sent.catch(() => undefined)
    this.#ofOrder.set(planned.orderId, settled)
    try {
      return await sent
    } finally {
      if (this.#ofOrder.get(planned.orderId) === settled) this.#ofOrder.delete(planned.orderId)
    }
  }

  async #sendOne({ command, key, input, otherwise }: PlannedCommand): Promise<Sent> {
    this.report.command()
    const sent = await this.#send(command, key, input)
    const gone = !sent.ok && (sent.code === 'ALREADY_SHIPPED' || sent.code === 'QTY_EXCEEDS_OPEN')
    if (!gone || otherwise === undefined) return sent
    this.report.command()
    return this.#send(otherwise.command, otherwise.key, otherwise.input)
  }
}
