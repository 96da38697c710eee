import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launchBrowser, noBrowser } from '../../systems/orders/web/test/launch-browser.ts'
import { allOrderEngines, missingEngines, ordersOn } from './orders-on-engines.ts'

// The pages of the order system with all engines at once: a person sees nothing of them.

const why = missingEngines(allOrderEngines) || noBrowser || ''

describe.skipIf(why !== '')(`pages on all engines ${why}`, () => {
  let system: Awaited<ReturnType<typeof ordersOn>>
  let browser: Browser
  beforeAll(async () => {
    system = await ordersOn(allOrderEngines)
    browser = await launchBrowser()
  }, 180_000)
  afterAll(async () => {
    await browser?.close()
    await system?.close()
  }, 120_000)

  async function open(path: string, role: string, id: string): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 } })
    await context.addInitScript(
      (session) => localStorage.setItem('orders.session', session),
      JSON.stringify({ role, id }),
    )
    const page = await context.newPage()
    await page.goto(new URL(path, system.orders.url).href)
    return page
  }

  test('an order that is placed is in the search, in its status, in the list and in the counters', async () => {
    const page = await open('/place', 'customer', 'c-engines-1')
    await page.getByTestId('add-product').first().click()
    await page.getByTestId('place-order').click()
    await page.getByTestId('timeline').getByText('Order placed').waitFor()
    await page.getByTestId('action-pay').click()
    await page.getByTestId('action-message').getByText('Payment registered').waitFor()
    await page.locator('.page-head .badge', { hasText: 'paid' }).waitFor()
    const orderId = new URL(page.url()).pathname.split('/').at(-1)!
    await page.getByRole('link', { name: 'Orders', exact: true }).first().click()
    await page.getByTestId('search').fill(orderId)
    await expect.poll(() => page.getByTestId('order-row').count()).toBe(1)
    await page.context().close()

    const operations = await open('/operations', 'support', 'sam')
    const grid = operations.getByTestId('projection-row')
    await expect.poll(() => grid.count()).toBe(6)
    const places = await grid.allInnerTexts()
    for (const store of ['elasticsearch', 'redis', 'clickhouse', 'postgres'])
      expect(places.join('\n')).toContain(`in ${store}`)
    await expect
      .poll(async () => (await grid.allInnerTexts()).every((text) => text.includes('live')))
      .toBe(true)
    const shots = process.env['TAILRACE_SHOTS']
    if (shots !== undefined)
      await operations.screenshot({ path: `${shots}/operations.png`, fullPage: true })
    await operations.context().close()
  })
})
