import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemActor } from 'tailrace'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { openOrders, type OpenOrders } from '../../main.ts'
import { launchBrowser, noBrowser } from './launch-browser.ts'

// The pages in a real browser, on real servers. Nothing waits for a time: only for what a person would see.
describe.skipIf(noBrowser !== undefined)(`pages ${noBrowser ?? ''}`, () => {
  let orders: OpenOrders
  let browser: Browser
  let databases: FreshDatabase[]
  const dataDir = mkdtempSync(join(tmpdir(), 'orders-pages-'))

  beforeAll(async () => {
    databases = await Promise.all([freshDatabase(), freshDatabase()])
    const [write, read] = databases
    orders = await openOrders({
      dataDir,
      writeUrl: write!.url,
      readUrl: read!.url,
      port: 0,
      step: () => undefined,
    })
    browser = await launchBrowser()
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await orders?.stop()
    for (const database of databases ?? []) await database.drop()
    rmSync(dataDir, { recursive: true, force: true })
  })

  async function open(path: string, role: string, id: string, width = 1280): Promise<Page> {
    const context = await browser.newContext({ viewport: { width, height: 860 }, locale: 'en-GB' })
    await context.addInitScript(
      (session) => localStorage.setItem('orders.session', session),
      JSON.stringify({ role, id }),
    )
    const page = await context.newPage()
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(error.message))
    await page.goto(new URL(path, orders.url).href)
    expect(problems).toEqual([])
    return page
  }

  async function place(customerId: string): Promise<string> {
    const orderId = randomUUID()
    const offer = orders.offers.list[0]!
    const outcome = await orders.engine.command(
      'placeOrder',
      {
        orderId,
        customerId,
        currency: offer.currency,
        items: [{ sku: offer.sku, quantity: 2 }],
      },
      { actor: systemActor },
    )
    expect(outcome.kind).toBe('committed')
    return orderId
  }

  const row = (page: Page) => page.getByTestId('order-row')

  test('a customer places an order, finds it in the list and pays it', async () => {
    const page = await open('/place', 'customer', 'c-pages-1')
    await page.getByTestId('add-product').first().click()
    await page.getByTestId('place-order').click()
    await page.getByTestId('timeline').getByText('Order placed').waitFor()
    expect(await page.getByTestId('freshness').innerText()).toMatch(/as of \d\d:\d\d:\d\d/)
    await page.getByTestId('action-pay').click()
    await page.getByTestId('action-message').getByText('Payment registered').waitFor()
    await page.locator('.page-head .badge', { hasText: 'paid' }).waitFor()
    await page.getByRole('link', { name: 'Orders', exact: true }).first().click()
    await row(page).first().waitFor()
    expect(await row(page).count()).toBe(1)
    await page.context().close()
  })

  test('search, facets and the empty answer work from the address', async () => {
    await place('c-pages-2')
    const page = await open('/', 'customer', 'c-pages-2')
    await row(page).first().waitFor()
    await page.getByTestId('search').fill('nothingcalledthis')
    await page.getByText('No orders match').waitFor()
    expect(page.url()).toContain('q=nothingcalledthis')
    await page.getByTestId('search').fill('')
    await row(page).first().waitFor()
    await page.getByRole('button', { name: /^cancelled/ }).click()
    await page.getByText('No orders match').waitFor()
    expect(page.url()).toContain('status=cancelled')
    await page.context().close()
  })

  test('an own cancellation shows at once while the read model stands still, with the notice of the delay', async () => {
    const orderId = await place('c-pages-3')
    const page = await open(`/orders/${orderId}`, 'support', 'sam')
    await page.getByTestId('timeline').getByText('Order placed').waitFor()
    await orders.engine.setPaused('order-document', true)
    try {
      await standsStill(orders, 'order-document')
      await page.getByTestId('action-cancel').click()
      await page.getByTestId('timeline').getByText('Cancelling…').waitFor()
      await page.getByTestId('delayed-notice').waitFor()
      await page.getByTestId('action-message').getByText('Cancelled.').waitFor()
      // Still there after the command was answered: the read model has not moved.
      expect(await page.getByTestId('timeline').getByText('Cancelling…').count()).toBe(1)
    } finally {
      await orders.engine.setPaused('order-document', false)
    }
    await page.locator('.page-head .badge', { hasText: 'cancelled' }).waitFor()
    await page.getByTestId('delayed-notice').waitFor({ state: 'detached' })
    expect(await page.getByTestId('timeline').getByText('Cancelling…').count()).toBe(0)
    await page.context().close()
  })

  test('a rejected command takes its shown effect back and says why', async () => {
    const orderId = await place('c-pages-4')
    const page = await open(`/orders/${orderId}`, 'support', 'sam')
    await page.getByTestId('action-pay').waitFor()
    // Behind the page's back the order is paid: its button now asks for too much.
    await orders.engine.command(
      'registerPayment',
      {
        orderId,
        paymentId: randomUUID(),
        method: 'card',
        amountMinor: orders.offers.list[0]!.unitMinor * 2,
        currency: orders.offers.list[0]!.currency,
      },
      { actor: systemActor },
    )
    if ((await page.getByTestId('action-pay').count()) > 0) {
      await page
        .getByTestId('action-pay')
        .click({ timeout: 2_000 })
        .catch(() => undefined)
    }
    await page.locator('.page-head .badge', { hasText: 'paid' }).waitFor()
    expect(await page.getByTestId('timeline').getByText('Paying').count()).toBe(0)
    await page.context().close()
  })

  test('a customer does not see the order of another one', async () => {
    const orderId = await place('c-pages-5')
    const page = await open(`/orders/${orderId}`, 'customer', 'c-somebody-else')
    await page.getByText('There is no such order').waitFor()
    await page.context().close()
  })

  test('a seller sees the queue, and support sees lag and state of every read model', async () => {
    const seller = orders.offers.list[0]!.sellerId
    await place('c-pages-6')
    const page = await open('/queue', 'seller', seller)
    await page.getByTestId('queue-row').first().waitFor()
    await page.context().close()
    const ops = await open('/operations', 'support', 'sam')
    await ops.getByTestId('projection-row').first().waitFor()
    expect(await ops.getByTestId('projection-row').count()).toBe(orders.engine.app.projections.size)
    await ops.getByText('Orders per minute').waitFor()
    await ops.context().close()
  })

  test('nothing is wider than a phone', async () => {
    const orderId = await place('c-pages-7')
    for (const path of ['/', `/orders/${orderId}`, '/place', '/queue?seller=x', '/operations']) {
      const page = await open(path, 'support', 'sam', 390)
      await page.getByRole('heading', { level: 1 }).first().waitFor()
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      expect(`${path} ${overflow}`).toBe(`${path} 0`)
      await page.context().close()
    }
  })
})

/** Resolves when it is paused and every worker has let go of it. */
async function standsStill({ engine }: OpenOrders, projection: string): Promise<void> {
  const seen = async (): Promise<unknown> => {
    const { state, owners } = (await engine.status()).projections[projection]!
    return { state, owners }
  }
  await expect.poll(seen, { timeout: 30_000 }).toEqual({ state: 'paused', owners: [] })
}
