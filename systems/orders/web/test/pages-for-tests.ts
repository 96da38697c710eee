import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { systemActor } from 'tailrace'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { openOrders, type OpenOrders } from '../../main.ts'
import { addOffers } from '../../offers-folder.ts'
import { offersOf, type Offer } from '../../offers.ts'
import { launchBrowser } from './launch-browser.ts'

export interface OpenOptions extends BrowserContextOptions {
  readonly role?: string
  readonly id?: string
  readonly width?: number
}

export interface Pages {
  readonly orders: OpenOrders
  /** A tab of a browser of its own at a path. What a page throws fails the test. */
  open(path: string, options?: OpenOptions): Promise<Page>
  /** An order of the first offer, placed behind the pages' back. */
  place(customerId: string, quantity?: number): Promise<string>
  send(name: string, input: object): Promise<void>
  /** Resolves when the projection is paused and every worker has let go of it. */
  standStill(projection: string): Promise<void>
  goOn(projection: string): Promise<void>
  /** What pages threw since the last look. */
  problems(): string[]
  close(): Promise<void>
}

/** The order system with its pages on fresh databases, and a browser, for the tests of one file. */
export function pagesForTests(offers: readonly Offer[] = []): () => Pages {
  let pages: Pages
  beforeAll(async () => void (pages = await openPages(offers)), 120_000)
  afterEach(() => expect(pages.problems()).toEqual([]))
  afterAll(() => pages?.close())
  return () => pages
}

async function openPages(offers: readonly Offer[]): Promise<Pages> {
  const dataDir = mkdtempSync(join(tmpdir(), 'orders-pages-'))
  const databases: FreshDatabase[] = await Promise.all([freshDatabase(), freshDatabase()])
  const [write, read] = databases
  if (offers.length > 0) addOffers(dataDir, offersOf(offers))
  const orders = await openOrders({
    dataDir,
    writeUrl: write!.url,
    readUrl: read!.url,
    port: 0,
    step: () => undefined,
  })
  const browser = await launchBrowser()
  const { engine } = orders
  const problems: string[] = []
  const send: Pages['send'] = async (name, input) => {
    const outcome = await engine.command(name, input, { actor: systemActor })
    expect(outcome).toMatchObject({ kind: 'committed' })
  }
  return {
    orders,
    open: (path, options) => openTab(browser, new URL(path, orders.url).href, problems, options),
    problems: () => problems.splice(0),
    send,
    async place(customerId, quantity = 2) {
      const orderId = randomUUID()
      const { sku, currency } = orders.offers.list[0]!
      await send('placeOrder', { orderId, customerId, currency, items: [{ sku, quantity }] })
      return orderId
    },
    async standStill(projection) {
      await engine.setPaused(projection, true)
      const seen = async (): Promise<unknown> => {
        const { state, owners } = (await engine.status()).projections[projection]!
        return { state, owners }
      }
      await expect.poll(seen, { timeout: 30_000 }).toEqual({ state: 'paused', owners: [] })
    },
    goOn: (projection) => engine.setPaused(projection, false),
    async close() {
      await browser.close()
      await orders.stop()
      for (const database of databases) await database.drop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function openTab(
  browser: Browser,
  url: string,
  problems: string[],
  { role = 'support', id = 'sam', width = 1280, ...rest }: OpenOptions = {},
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width, height: 860 },
    locale: 'en-GB',
    ...rest,
  })
  await context.addInitScript(
    (session) => localStorage.setItem('orders.session', session),
    JSON.stringify({ role, id }),
  )
  const page = await context.newPage()
  page.on('pageerror', (error) => problems.push(error.message))
  await page.goto(url)
  return page
}
