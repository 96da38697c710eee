import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { runningEmbeddedPostgres } from '@tailrace/postgres/embedded'
import { isTailraceError, type Engine } from 'tailrace'
import { onEnd } from '../end-of-process.ts'
import { enginesFromEnv } from '../engines.ts'
import { openOrders, type OpenOptions } from '../main.ts'
import { readPlaces } from '../settings.ts'
import type { ImportSummary } from './import-report.ts'
import { importRetail, nothingWithin, offerRetail, rejectedFile } from './import-retail.ts'

const usage = `npm run import -- <folder> [--json] [--limit <rows>]
--limit takes whole invoices up to so many rows of the file: those before the first one that has a row beyond it.`

interface Arguments {
  readonly folder: string
  readonly json: boolean
  readonly limit: number | undefined
}

function readArguments(args: readonly string[]): Arguments {
  const options = { json: { type: 'boolean' }, limit: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  const [folder] = positionals
  if (folder === undefined || positionals.length > 1)
    throw new Error(`expected one folder, got ${positionals.length}`)
  const limit = values.limit === undefined ? undefined : Number(values.limit)
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1)) {
    throw new Error(`expected --limit to be a whole number from 1, got "${values.limit}"`)
  }
  return { folder: resolve(folder), json: values.json === true, limit }
}

/**
 * The servers of a system that is running on this data folder: there we are a guest, who only sends commands while its own
 * workers keep the read models. Where nothing is running, all of it is started here and stopped again.
 */
function placesToUse(): Pick<OpenOptions, 'dataDir' | 'writeUrl' | 'readUrl' | 'roles'> & {
  readonly guest: boolean
} {
  const places = readPlaces(process.env)
  const running = (model: string): string | undefined =>
    runningEmbeddedPostgres(join(places.dataDir, model), 'orders')?.url
  const write = places.writeUrl ?? running('write')
  const read = places.readUrl ?? running('read')
  const guest = write !== undefined && read !== undefined
  return guest ? { ...places, writeUrl: write, readUrl: read, guest } : { ...places, guest }
}

/** Waits until every read model has all there is. */
async function caughtUp(engine: Engine, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const { head, projections } = await engine.status()
    const behind = Object.entries(projections).filter(([, { lagEvents }]) => lagEvents > 0)
    if (behind.length === 0 && head.unsequenced === 0) return
    const list = behind.map(
      ([name, { state, lagEvents }]) => `${name} ${state}, ${lagEvents} events behind`,
    )
    process.stderr.write(`read models: ${list.join('; ')}\n`)
    await sleep(1_000)
  }
}

function print({ json }: Arguments, summary: ImportSummary, dataDir: string, guest: boolean): void {
  if (json) {
    console.log(JSON.stringify(summary))
    return
  }
  const { rows, invoices, commands, accepted, rejected, gross, credits, badDebt, seconds } = summary
  console.log(`${rows} rows, ${invoices} invoices, ${commands} commands in ${seconds} s`)
  console.log(`gross ${gross}, credits ${credits}, bad debt ${badDebt} GBP`)
  console.log(`${accepted} rows accepted; rejected: ${JSON.stringify(rejected)}`)
  console.log(`rejected rows: ${rejectedFile(dataDir)}`)
  if (guest)
    console.log(
      'the running system brings its read models up to date, and sells the products after its next start',
    )
}

async function main(): Promise<void> {
  if (process.argv.includes('--help')) return console.log(usage)
  const args = readArguments(process.argv.slice(2))
  const { guest, ...places } = placesToUse()
  const { dataDir } = places
  const step = (text: string): void => void process.stderr.write(`${text}\n`)
  const aborting = new AbortController()
  onEnd(() => aborting.abort(new Error('stopped; run it again to continue')))
  const { rows } = await offerRetail(args.folder, dataDir)
  // Read models that catch up afterwards take far larger steps than ones that keep up.
  const summary = await inOrders(
    { ...places, roles: guest ? ['api'] : ['api', 'sequencer'], step },
    (engine) => importRetail({ ...args, dataDir, rows, engine, signal: aborting.signal }),
  )
  if (!guest) await inOrders({ ...places, step }, (engine) => caughtUp(engine, aborting.signal))
  const nothing = nothingWithin(args.limit, summary)
  if (nothing !== undefined) step(nothing)
  print(args, summary, dataDir, guest)
}

async function inOrders<T>(
  options: OpenOptions,
  action: (engine: Engine) => Promise<T>,
): Promise<T> {
  const orders = await openOrders({ ...options, engines: enginesFromEnv(process.env) })
  try {
    return await action(orders.engine)
  } finally {
    await orders.stop()
  }
}

main().catch((error: unknown) => {
  const code = isTailraceError(error) ? `${error.code}: ` : ''
  console.error(error instanceof Error ? code + error.message : error)
  if (error instanceof Error && error.cause !== undefined) console.error(String(error.cause))
  console.error(`\n${usage}`)
  process.exitCode = 1
})
