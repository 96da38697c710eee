import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { http } from '@tailrace/http'
import { lmdb } from '@tailrace/lmdb'
import { postgres, postgresTables } from '@tailrace/postgres'
import { embeddedPostgres } from '@tailrace/postgres/embedded'
import { Client } from 'pg'
import { isTailraceError, start, type Running, type StartOptions } from 'tailrace'
import { ordersApp } from './app.ts'
import { onEnd } from './end-of-process.ts'
import { enginesFromEnv, enginesUsage, noEngines, type Engines } from './engines.ts'
import { checkPortIsFree } from './free-port.ts'
import { checkGivenServer } from './given-server.ts'
import { importRetail, offerRetail } from './import/import-retail.ts'
import { openOffers, publicFolder } from './offers-folder.ts'
import type { Offers } from './offers.ts'
import { auditFile } from './read/audit.ts'
import { readSettings, usage, type Settings } from './settings.ts'
import { startTraffic, tellHistory, type Traffic } from './traffic/traffic.ts'
import { buildPages } from './web/build.ts'

// The composition of the order system: which servers, which stores. Nothing else in it names them.

/** A running order system with everything that was started for it. */
export interface OpenOrders extends Running {
  readonly offers: Offers
}

export interface OpenOptions extends Pick<Settings, 'dataDir' | 'writeUrl' | 'readUrl'> {
  /** Default: all. */
  readonly roles?: NonNullable<StartOptions['roles']>
  /** Default: none. */
  readonly engines?: Engines
  /** Listen here with the API and the pages. Default: not at all. */
  readonly port?: number
  /** Hears one line per step. */
  readonly step: (text: string) => void
}

const exampleUrl = 'postgres://user:password@host:5432/database'

/** Starts the servers that are not given by URL, and the order system on them. */
export async function openOrders(options: OpenOptions): Promise<OpenOrders> {
  const { dataDir, step } = options
  // Before anything is made or started for servers that are not there.
  if (options.writeUrl !== undefined)
    await checkGivenServer('WRITE_DATABASE_URL', options.writeUrl, exampleUrl)
  if (options.readUrl !== undefined)
    await checkGivenServer('READ_DATABASE_URL', options.readUrl, exampleUrl)
  mkdirSync(dataDir, { recursive: true })
  const closers: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer()
  }
  try {
    const [write, read] = await Promise.all(
      (['write', 'read'] as const).map((model) => serverOf(model, options, closers)),
    )
    await makeTables(write!)
    step('the four tables of the write model are there')
    const offers = openOffers(dataDir)
    step(`${offers.list.length} offers`)
    const audit = auditFile(join(dataDir, 'audit.ndjson'))
    closers.push(() => audit.close())
    const tables = postgresTables({ url: read! })
    const { stores, bus, lines } = options.engines ?? noEngines
    for (const line of lines) step(line)
    const running = await start(ordersApp({ offers, audit }), {
      write: postgres({ url: write! }),
      stores: {
        'order-document': tables,
        'seller-order': tables,
        'customer-orders': tables,
        'seller-queue': tables,
        operations: tables,
        ...('order-status' in stores
          ? {}
          : { 'order-status': lmdb({ path: join(dataDir, 'order-status') }) }),
        ...stores,
      },
      ...(bus === undefined ? {} : { bus }),
      ...(options.port === undefined
        ? {}
        : { http: await pagesAndApi(options.port, dataDir, step) }),
      ...(options.roles === undefined ? {} : { roles: options.roles }),
    })
    closers.push(() => running.stop())
    const stop = once(close)
    return { engine: running.engine, url: running.url, offers, stop }
  } catch (error) {
    await close()
    throw error
  }
}

/** The URL of the server of one model: the one given, or an embedded one that is started. */
async function serverOf(
  model: 'write' | 'read',
  { dataDir, writeUrl, readUrl, step }: OpenOptions,
  closers: (() => unknown)[],
): Promise<string> {
  const given = model === 'write' ? writeUrl : readUrl
  if (given !== undefined) {
    step(`${model} database: the server at ${new URL(given).host}`)
    return given
  }
  const server = await embeddedPostgres({
    dataDir: join(dataDir, model),
    database: 'orders',
    restart: true,
    log: (line) => step(`${model} database: ${line}`),
  })
  closers.push(() => server.stop())
  return server.url
}

/** Makes the tables of the write model if they are missing. Of processes that start together, one after the other does. */
async function makeTables(url: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const sql = readFileSync(join(import.meta.dirname, 'schema/orders.sql'), 'utf8')
    await client.query(
      `begin; select pg_advisory_xact_lock(hashtext('orders schema')); ${sql}; commit`,
    )
  } finally {
    await client.end()
  }
}

async function pagesAndApi(port: number, dataDir: string, step: (text: string) => void) {
  const pages = await buildPages()
  step('pages are built')
  return http({ port, serveStatic: { '/': [pages, publicFolder(dataDir)] } })
}

function once(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => (running ??= action())
}

/** How many made-up orders a new system begins with. */
const historyOrders = 300

async function startLife(
  { engine, offers }: OpenOrders,
  { rate, seed }: Settings,
): Promise<Traffic | undefined> {
  if (rate === undefined) return undefined
  const own = seed ?? Date.now() % 2 ** 32
  const isNew = (await engine.status()).head.position === '0'
  if (isNew) await tellHistory({ engine, offers, seed: own ^ 1, orders: historyOrders })
  return startTraffic({ engine, offers, seed: own, rate })
}

const stopMs = 9_500

async function main(settings: Settings, engines: Engines): Promise<void> {
  const began = performance.now()
  const step = (text: string): void =>
    console.log(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${text}`)
  const { importFolder: folder, dataDir } = settings
  await checkPortIsFree(settings.port)
  if (folder !== undefined) step(`reading the data set in ${folder}`)
  const offered = folder === undefined ? undefined : await offerRetail(folder, dataDir)
  const orders = await openOrders({ ...settings, engines, step })
  let traffic: Traffic | undefined
  const stop = once(async () => {
    console.log('stopping')
    // What hangs must not keep the rest from ending: the embedded servers end with this process.
    setTimeout(() => process.exit(1), stopMs).unref()
    await traffic?.stop()
    await orders.stop()
    process.exit(0)
  })
  onEnd(() => void stop())
  if (folder !== undefined && offered !== undefined) {
    const summary = await importRetail({ engine: orders.engine, folder, dataDir, ...offered })
    step(`imported ${summary.accepted} of ${summary.rows} rows`)
  }
  console.log(`ready ${orders.url}`)
  console.log(
    `try: curl -s ${orders.url}/queries/operations -H 'authorization: Bearer demo:support:sam' -H 'content-type: application/json' -d '{}'`,
  )
  traffic = await startLife(orders, settings)
}

function settingsOrUsage(): [Settings, Engines] {
  if (process.argv.includes('--help')) {
    console.log(`${usage}, ${enginesUsage}`)
    process.exit(0)
  }
  try {
    return [readSettings(process.argv.slice(2), process.env), enginesFromEnv(process.env)]
  } catch (error) {
    fail(error, `\n${usage}, ${enginesUsage}`)
  }
}

function fail(error: unknown, help = ''): never {
  const code = isTailraceError(error) ? `${error.code}: ` : ''
  console.error(error instanceof Error ? code + error.message : error)
  if (help !== '') console.error(help)
  process.exit(1)
}

if (import.meta.main) main(...settingsOrUsage()).catch((error: unknown) => fail(error))
