import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import type { Engine } from 'tailrace'
import { addOffers } from '../offers-folder.ts'
import type { ImportSummary } from './import-report.ts'
import { Progress } from './progress.ts'
import { survey } from './retail-offers.ts'
import { retailRows } from './retail-rows.ts'
import { runImport } from './run-import.ts'
import { sendThrough } from './send-command.ts'

/** Reads the data set once and offers its products from `dataDir`. Before the system starts: it reads its offers then. */
export async function offerRetail(
  folder: string,
  dataDir: string,
): Promise<{ readonly rows: number }> {
  const { rows, offers } = await survey(retailRows(folder))
  addOffers(dataDir, offers)
  return { rows }
}

/** What to say of a limit that was met before the first invoice was whole; undefined where there is nothing to say. */
export function nothingWithin(
  limit: number | undefined,
  { invoices }: Pick<ImportSummary, 'invoices'>,
): string | undefined {
  if (limit === undefined || invoices > 0) return undefined
  return `nothing was imported: the first invoice does not end within ${limit} rows; give a higher --limit`
}

export interface ImportRetailOptions {
  readonly engine: Engine
  readonly folder: string
  readonly dataDir: string
  /** As `offerRetail` counted them, for the progress shown on stderr. */
  readonly rows: number
  readonly limit?: number | undefined
  readonly signal?: AbortSignal
}

/** Where the rejected rows of the last import are listed. */
export function rejectedFile(dataDir: string): string {
  return join(dataDir, 'imports', 'online-retail-rejected.ndjson')
}

/** Imports through an engine whose app offers the data set's products. May be repeated, and stopped at any point. */
export async function importRetail(options: ImportRetailOptions): Promise<ImportSummary> {
  const { engine, dataDir, rows, limit } = options
  mkdirSync(join(dataDir, 'imports'), { recursive: true })
  const rejected = createWriteStream(rejectedFile(dataDir))
  const progress = new Progress(Math.min(rows, limit ?? rows))
  try {
    return await runImport({
      ...options,
      send: sendThrough(engine),
      onRejected: (row) => void rejected.write(`${JSON.stringify(row)}\n`),
      onProgress: (done) => progress.set(done),
    })
  } finally {
    progress.stop()
    rejected.end()
    await finished(rejected)
  }
}
