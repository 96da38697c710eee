import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { http, type RunningSurface } from '@tailrace/http'
import react from '@vitejs/plugin-react'
import { chromium, type Browser, type Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import { ticketApp } from '../../../test/support/ticket-app.ts'
import { freshnessWord } from './react.ts'

const places = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
const executablePath = places.find((place) => place !== undefined && existsSync(place))
const noBrowser =
  executablePath === undefined ? '(skipped: no Chromium found; install it or set CHROMIUM)' : ''

const ann = { actor: { role: 'customer', id: 'ann' } }

describe.skipIf(noBrowser !== '')(`React bindings in a browser ${noBrowser}`, () => {
  let folder: string
  let browser: Browser
  let page: Page
  let engine: MemoryEngine
  let surface: RunningSurface
  let ticketId: string
  let problems: string[]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tailrace-react-'))
    await build({
      root: join(import.meta.dirname, '../test/page'),
      configFile: false,
      logLevel: 'warn',
      plugins: [react()],
      resolve: { conditions: ['source', 'browser', 'module', 'import', 'default'] },
      build: { outDir: folder, emptyOutDir: true, minify: false },
    })
    browser = await chromium.launch({ executablePath: executablePath!, headless: true })
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await rm(folder, { recursive: true, force: true })
  })

  beforeEach(async () => {
    engine = new MemoryEngine(ticketApp)
    surface = await http({ port: 0, env: {}, serveStatic: { '/': folder } }).start(engine)
    ticketId = randomUUID()
    await engine.command('openTicket', { ticketId, title: 'Lamp' }, ann)
    page = await browser.newPage()
    problems = []
    page.on('pageerror', (error) => problems.push(error.message))
    await page.goto(`${surface.url}/?ticket=${ticketId}`)
    await expect.poll(() => text('h1')).toBe('Lamp')
  }, 60_000)
  afterEach(async () => {
    await page.close()
    await surface.close()
    expect(problems).toEqual([])
  })

  const text = (selector: string): Promise<string | null> => page.locator(selector).textContent()
  const comments = (): Promise<string[]> => page.locator('li').allTextContents()
  const word = (): Promise<string | null> =>
    page.locator('[data-freshness]').getAttribute('data-freshness')
  async function add(comment: string): Promise<void> {
    await page.getByLabel('text').fill(comment)
    await page.getByText('Add').click()
  }

  test('show what somebody else wrote', async () => {
    await engine.command('addComment', { ticketId, text: 'by another' }, ann)
    await expect.poll(comments).toEqual(['by another'])
    await expect.poll(() => text('#lag')).toBe('2 live')
    expect(await word()).toBe('fresh')
    expect(await text('[data-freshness]')).toMatch(/^as of \d\d:\d\d:\d\d$/)
  })

  test('show a command at once and say that the read model does not have it yet', async () => {
    engine.hold('tickets')
    await add('mine')
    expect(await comments()).toEqual(['mine'])
    await expect.poll(() => text('#command')).toBe('done')
    await expect.poll(word).toBe('delayed')
    expect(await text('#pending')).toBe('1')
    expect(await text('[data-freshness]')).toMatch(/^results may be delayed, as of /)
    engine.release('tickets')
    await expect.poll(() => text('#pending')).toBe('0')
    expect(await comments()).toEqual(['mine'])
    await expect.poll(word).toBe('fresh')
  })

  test('take a rejected command back and show why', async () => {
    await engine.command('closeTicket', { ticketId }, { actor: { role: 'support', id: 'sue' } })
    await add('too late')
    await expect.poll(() => text('#command')).toBe('rejected TICKET_CLOSED')
    expect(await comments()).toEqual([])
  })

  test('ask no more when nobody looks, and show the last answer at once to who comes back', async () => {
    await engine.command('addComment', { ticketId, text: 'first' }, ann)
    await expect.poll(comments).toEqual(['first'])
    await page.getByText('Toggle').click()
    await expect.poll(() => page.locator('main').count()).toBe(0)
    await engine.command('addComment', { ticketId, text: 'second' }, ann)
    await page.getByText('Toggle').click()
    expect((await comments())[0]).toBe('first')
    await expect.poll(comments).toEqual(['first', 'second'])
  })

  test('remember what was written over a reload', async () => {
    engine.hold('tickets')
    await add('mine')
    await expect.poll(() => text('#command')).toBe('done')
    await page.reload()
    await expect.poll(word).toBe('delayed')
    engine.release('tickets')
    await expect.poll(comments).toEqual(['mine'])
  })
})

describe('the word for freshness', () => {
  const meta = {
    position: '1',
    asOf: '2026-01-01T12:00:00.000Z',
    lagMs: 0,
    stale: false,
    reads: {},
  }
  const calm = { meta, pending: 0, delayed: false }

  test.each([
    ['unknown before the first answer', { ...calm, meta: undefined }, 'unknown'],
    ['fresh', calm, 'fresh'],
    ['saving while a command is pending', { ...calm, pending: 1 }, 'saving'],
    ['delayed when a command waits for long', { ...calm, pending: 1, delayed: true }, 'delayed'],
    ['delayed when the lag is long', { ...calm, meta: { ...meta, lagMs: 2_000 } }, 'delayed'],
    [
      'delayed when the server says so',
      { ...calm, meta: { ...meta, notice: 'results may be delayed' } },
      'delayed',
    ],
    [
      'delayed when a token was not reached',
      { ...calm, meta: { ...meta, stale: true } },
      'delayed',
    ],
  ] as const)('is %s', (_, state, expected) => {
    expect(freshnessWord(state, 2_000)).toBe(expected)
  })
})
