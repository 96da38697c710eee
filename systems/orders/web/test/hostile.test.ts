import { randomUUID } from 'node:crypto'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import type { Offer } from '../../offers.ts'
import { noBrowser } from './launch-browser.ts'
import { pagesForTests } from './pages-for-tests.ts'

const odd = (sku: string, title: string, currency: string, unitMinor: number): Offer => ({
  sku,
  title,
  currency,
  unitMinor,
  sellerId: 'seller-'.padEnd(64, 'y'),
})
const oddOffers = [
  odd('ODD-LONG-'.padEnd(64, 'x'), 'W'.repeat(200), 'EUR', 10_000_000),
  odd('ODD-RTL', 'כיסא משרדי شمعة (2×) 12', 'EUR', 0),
  odd('ODD-SCRIPT', '👩‍👧 <img src=x onerror="document.title=1"> \u202eevil', 'EUR', 1),
  odd('ODD-JPY', 'Without decimals', 'JPY', 1234),
  odd('ODD-KWD', 'With three decimals', 'KWD', 1234),
]

// Users who are in a hurry, texts that nobody expects, addresses that lead nowhere.
describe.skipIf(noBrowser !== undefined)(`pages under pressure ${noBrowser ?? ''}`, () => {
  const pages = pagesForTests(oddOffers)
  const rows = (page: Page) => page.getByTestId('order-row')
  const overflow = (page: Page): Promise<number> =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

  test('clicks in a hurry do one thing', async () => {
    const orderId = await pages().place('c-hurry')
    const page = await pages().open(`/orders/${orderId}`)
    const pay = page.getByTestId('action-pay')
    await pay.waitFor()
    const sent: string[] = []
    page.on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (pathname.startsWith('/commands/')) sent.push(pathname)
    })
    const box = (await pay.boundingBox())!
    const clickThere = () => page.mouse.click(box.x + 20, box.y + box.height / 2)
    // Time stands still: however slow this machine is, the clicks come as fast as a person's.
    await page.clock.install()
    await page.clock.pauseAt(Date.now() + 1_000)
    await clickThere()
    await page.getByTestId('action-message').getByText('Payment registered').waitFor()
    await page.locator('.page-head .badge', { hasText: 'paid' }).waitFor()
    await clickThere()
    await page.clock.runFor(2_000)
    await page.getByTestId('action-ship').waitFor()
    await page.getByTestId('action-ship').dblclick()
    await page.getByTestId('action-message').getByText('Shipped').waitFor()
    expect(sent).toEqual(['/commands/registerPayment', '/commands/shipItems'])
    await page.context().close()
  })

  test('odd texts and amounts are shown as they are and stay in their place', async () => {
    const orderId = async (sku: string, currency: string, quantity: number): Promise<string> => {
      const id = randomUUID()
      const customerId = 'C'.repeat(64)
      await pages().send('placeOrder', {
        orderId: id,
        customerId,
        currency,
        items: [{ sku, quantity }],
      })
      return id
    }
    const expected = [
      [await orderId(oddOffers[0]!.sku, 'EUR', 100_000), '€10,000,000,000.00'],
      [await orderId('ODD-RTL', 'EUR', 1), '€0.00'],
      [await orderId('ODD-SCRIPT', 'EUR', 1), '<img src=x onerror='],
      [await orderId('ODD-JPY', 'JPY', 2), 'JP¥2,468'],
      [await orderId('ODD-KWD', 'KWD', 1), 'KWD 1.234'],
    ] as const
    for (const width of [1280, 390]) {
      const page = await pages().open(`/?q=ODD`, { width })
      for (const [id, text] of expected) {
        await page.goto(new URL(`/orders/${id}`, page.url()).href)
        await page.getByTestId('order-line').waitFor()
        const shown = (await page.locator('main').innerText()).replaceAll('\u00a0', ' ')
        expect(shown).toContain(text)
        expect(`${id} ${await overflow(page)}`).toBe(`${id} 0`)
      }
      const seller = encodeURIComponent(oddOffers[0]!.sellerId)
      for (const path of ['/', `/queue?seller=${seller}`, '/operations']) {
        await page.goto(new URL(path, page.url()).href)
        await page.getByTestId('freshness').waitFor()
        expect(`${path} ${await overflow(page)}`).toBe(`${path} 0`)
      }
      expect(await page.title()).toBe('Operations · Tailrace Orders')
      await page.context().close()
    }
  })

  test('a list is turned to its end and back, by its buttons and by those of the browser', async () => {
    for (let n = 0; n < 26; n++) await pages().place('c-many', 1)
    const page = await pages().open('/', { role: 'customer', id: 'c-many' })
    const range = (text: string) => page.getByTestId('page-range').getByText(text).waitFor()
    await range('1–25 of 26 orders')
    await page.getByRole('button', { name: 'Older' }).click()
    await range('26–26 of 26 orders')
    expect(await page.getByRole('button', { name: 'Older' }).isDisabled()).toBe(true)
    await page.getByRole('button', { name: 'Newer' }).click()
    await range('1–25 of 26 orders')
    await page.goBack()
    await range('26–26 of 26 orders')
    await page.reload()
    await page.getByRole('button', { name: 'Newest' }).click()
    await range('1–25 of 26 orders')
    await page.context().close()
  })

  test('addresses that lead nowhere say so, and lead on', async () => {
    const page = await pages().open('/orders/not-a-number')
    const main = page.locator('main')
    await main.getByText('There is no such order').waitFor()
    await main.getByRole('link', { name: 'To the orders' }).click()
    await page.getByTestId('freshness').waitFor()
    await page.goto(new URL('/?after=nonsense', page.url()).href)
    await main.getByText('This page of the list is gone').waitFor()
    await main.getByRole('button', { name: 'To the newest orders' }).click()
    await page.getByTestId('freshness').waitFor()
    await page.goto(new URL('/nowhere', page.url()).href)
    await main.getByText('There is no such page').waitFor()
    await page.context().close()
    const customer = await pages().open('/operations', { role: 'customer', id: 'c-1' })
    await customer.getByText('Operations are for support').waitFor()
    await customer.context().close()
  })

  test('adding a product on a phone leaves the list where it is, with a way to the basket', async () => {
    const page = await pages().open('/place', { width: 390, role: 'customer', id: 'c-phone' })
    const add = page.getByTestId('add-product')
    await add.nth(3).click()
    await page.getByRole('link', { name: 'Basket: 1 item' }).waitFor()
    expect(await page.evaluate(() => [scrollY, document.activeElement?.textContent])).toEqual([
      0,
      '+',
    ])
    await page.reload()
    await page.getByRole('link', { name: 'Basket: 1 item' }).click()
    await page.getByTestId('place-order').click()
    await page.getByTestId('timeline').getByText('Order placed').waitFor()
    await page.context().close()
  })

  test('a tab in the background leaves its connection to the one in front', async () => {
    const page = await pages().open('/')
    const live = page.getByTestId('live')
    await live.getByText('Live').waitFor()
    const ended = page.waitForEvent('requestfailed', (request) => request.url().includes('/live'))
    const hide = (hidden: boolean) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, hidden)
    await hide(true)
    await ended
    await hide(false)
    await live.getByText('Live').waitFor()
    await page.context().close()
  })

  test('every page has one heading of its own, and everything that can be used has a name', async () => {
    const orderId = await pages().place('c-named')
    const { sellerId } = pages().orders.offers.list[0]!
    for (const path of [
      '/',
      `/orders/${orderId}`,
      '/place',
      '/queue',
      `/queue?seller=${sellerId}`,
      '/operations',
      '/nowhere',
    ]) {
      const page = await pages().open(path)
      await page.getByRole('heading', { level: 1 }).first().waitFor()
      await expect.poll(() => page.locator('.skeleton').count()).toBe(0)
      expect(`${path} ${await page.locator('h1').count()}`).toBe(`${path} 1`)
      const tree = await page.locator('body').ariaSnapshot()
      const unnamed = tree.match(/- (button|link|textbox|searchbox|combobox|img)(:|$).*/gm)
      expect({ path, unnamed }).toEqual({ path, unnamed: null })
      await page.context().close()
    }
    expect(await rowsOfKeyboard(orderId)).toContain(orderId)
  })

  /** Where Enter leads on the first order that Tab reaches. */
  async function rowsOfKeyboard(orderId: string): Promise<string> {
    const page = await pages().open(`/?q=${orderId}`)
    await rows(page).first().waitFor()
    await page.getByTestId('search').focus()
    const onOrder = () =>
      page.evaluate(() => document.activeElement?.getAttribute('href')?.startsWith('/orders/'))
    for (let n = 0; n < 15 && (await onOrder()) !== true; n++) await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByTestId('timeline').waitFor()
    const url = page.url()
    await page.context().close()
    return url
  }
})
