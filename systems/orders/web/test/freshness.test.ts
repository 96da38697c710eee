import { randomUUID } from 'node:crypto'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { noBrowser } from './launch-browser.ts'
import { pagesForTests } from './pages-for-tests.ts'

// What a page shows while its read models stand still, and while nobody answers.
describe.skipIf(noBrowser !== undefined)(`fresh or not ${noBrowser ?? ''}`, () => {
  const pages = pagesForTests()
  const rows = (page: Page) => page.getByTestId('order-row')

  test('a new order shows on its page and on top of the list while the read model stands still', async () => {
    await pages().place('c-fresh-1')
    await pages().standStill('order-document')
    const page = await pages().open('/place', { role: 'customer', id: 'c-fresh-1' })
    try {
      await page.getByTestId('add-product').first().click()
      await page.getByTestId('place-order').click()
      await page.getByTestId('timeline').getByText('Placing the order…').waitFor()
      await page.getByTestId('action-pay').waitFor()
      await page.getByTestId('delayed-notice').getByText('Your own changes are shown').waitFor()
      await page.getByRole('link', { name: 'Orders', exact: true }).first().click()
      await rows(page).first().getByText('Placing…').waitFor()
      expect(await rows(page).count()).toBe(2)
      // A reload forgets what the page knew, but not that something is to come.
      const [, orderId] = /orders\/(.*)/.exec(
        (await rows(page).first().locator('a').getAttribute('href'))!,
      )!
      await page.goto(new URL(`/orders/${orderId}`, page.url()).href)
      await page.getByText('This order is not here yet').waitFor()
      await page.getByTestId('delayed-notice').getByText('Your last changes are saved').waitFor()
    } finally {
      await pages().goOn('order-document')
    }
    await page.getByTestId('timeline').getByText('Order placed').waitFor()
    await page.getByRole('link', { name: 'Orders', exact: true }).first().click()
    await rows(page).nth(1).waitFor()
    expect(await page.getByText('Placing…').count()).toBe(0)
    await page.context().close()
  })

  test('what a seller ships shows in the queue at once', async () => {
    const { sellerId, unitMinor, currency } = pages().orders.offers.list[0]!
    const orderId = await pages().place('c-fresh-2', 1)
    const payment = { paymentId: randomUUID(), method: 'card', amountMinor: unitMinor, currency }
    await pages().send('registerPayment', { orderId, ...payment })
    const page = await pages().open('/queue', { role: 'seller', id: sellerId })
    const line = page.getByTestId('queue-row').filter({ hasText: orderId.slice(-8) })
    await line.getByText('to ship').waitFor()
    await pages().standStill('seller-queue')
    try {
      await line.getByRole('link').click()
      await page.getByTestId('action-ship').click()
      await page.getByTestId('action-message').getByText('Shipped.').waitFor()
      await page.getByRole('link', { name: 'Queue' }).click()
      await line.getByText('Shipping…').waitFor()
    } finally {
      await pages().goOn('seller-queue')
    }
    await line.waitFor({ state: 'detached' })
    await page.context().close()
  })

  test('who only looks on is told that results are delayed, and when they are not any more', async () => {
    await pages().place('c-fresh-3')
    const page = await pages().open('/')
    await rows(page).first().waitFor()
    await pages().standStill('order-document')
    try {
      await pages().place('c-fresh-3')
      await page.getByTestId('delayed-notice').getByText('Results may be delayed').waitFor()
      expect(await page.getByTestId('freshness').innerText()).toMatch(/as of .* behind/)
    } finally {
      await pages().goOn('order-document')
    }
    await page.getByTestId('delayed-notice').waitFor({ state: 'detached' })
    await page.context().close()
  })

  test('what is on screen stays, and says so, while the server is away; it goes on when that is back', async () => {
    await pages().place('c-fresh-4')
    const page = await pages().open('/', { role: 'customer', id: 'c-fresh-4' })
    await rows(page).first().waitFor()
    await page.getByTestId('live').getByText('Live').waitFor()
    await page.context().setOffline(true)
    await page.getByTestId('not-answered').waitFor({ timeout: 60_000 })
    expect(await page.getByTestId('not-answered').innerText()).toContain('You are offline')
    expect(await rows(page).count()).toBe(1)
    await page.context().setOffline(false)
    await page.getByTestId('not-answered').waitFor({ state: 'detached', timeout: 60_000 })
    await page.context().close()
  })
})
