import { randomUUID } from 'node:crypto'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { noBrowser } from './launch-browser.ts'
import { pagesForTests } from './pages-for-tests.ts'

// The pages in a real browser, on real servers. Nothing waits for a time: only for what a person would see.
describe.skipIf(noBrowser !== undefined)(`pages ${noBrowser ?? ''}`, () => {
  const pages = pagesForTests()
  const row = (page: Page) => page.getByTestId('order-row')

  test('a customer places an order, finds it in the list and pays it', async () => {
    const page = await pages().open('/place', { role: 'customer', id: 'c-pages-1' })
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
    await pages().place('c-pages-2')
    const page = await pages().open('/', { role: 'customer', id: 'c-pages-2' })
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
    const orderId = await pages().place('c-pages-3')
    const page = await pages().open(`/orders/${orderId}`)
    await page.getByTestId('timeline').getByText('Order placed').waitFor()
    await pages().standStill('order-document')
    try {
      await page.getByTestId('action-cancel').click()
      await page.getByTestId('timeline').getByText('Cancelling…').waitFor()
      await page.getByTestId('delayed-notice').waitFor()
      await page.getByTestId('action-message').getByText('Cancelled.').waitFor()
      // Still there after the command was answered: the read model has not moved.
      expect(await page.getByTestId('timeline').getByText('Cancelling…').count()).toBe(1)
    } finally {
      await pages().goOn('order-document')
    }
    await page.locator('.page-head .badge', { hasText: 'cancelled' }).waitFor()
    await page.getByTestId('delayed-notice').waitFor({ state: 'detached' })
    expect(await page.getByTestId('timeline').getByText('Cancelling…').count()).toBe(0)
    await page.context().close()
  })

  test('a rejected command takes its shown effect back and says why', async () => {
    const orderId = await pages().place('c-pages-4')
    const page = await pages().open(`/orders/${orderId}`)
    await page.getByTestId('action-pay').waitFor()
    // Behind the page's back the order is paid: its button now asks for too much.
    const { unitMinor, currency } = pages().orders.offers.list[0]!
    await pages().send('registerPayment', {
      orderId,
      paymentId: randomUUID(),
      method: 'card',
      amountMinor: unitMinor * 2,
      currency,
    })
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
    const orderId = await pages().place('c-pages-5')
    const page = await pages().open(`/orders/${orderId}`, {
      role: 'customer',
      id: 'c-somebody-else',
    })
    await page.getByText('There is no such order').waitFor()
    await page.context().close()
  })

  test('a seller sees the queue, and support sees lag and state of every read model', async () => {
    const seller = pages().orders.offers.list[0]!.sellerId
    await pages().place('c-pages-6')
    const page = await pages().open('/queue', { role: 'seller', id: seller })
    await page.getByTestId('queue-row').first().waitFor()
    await page.context().close()
    const ops = await pages().open('/operations')
    await ops.getByTestId('projection-row').first().waitFor()
    expect(await ops.getByTestId('projection-row').count()).toBe(
      pages().orders.engine.app.projections.size,
    )
    await ops.getByText('Orders per minute').waitFor()
    await ops.context().close()
  })

  test('nothing is wider than a phone', async () => {
    const orderId = await pages().place('c-pages-7')
    for (const path of ['/', `/orders/${orderId}`, '/place', '/queue?seller=x', '/operations']) {
      const page = await pages().open(path, { width: 390 })
      await page.getByRole('heading', { level: 1 }).first().waitFor()
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      expect(`${path} ${overflow}`).toBe(`${path} 0`)
      await page.context().close()
    }
  })
})
