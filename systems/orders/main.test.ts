import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../../test/support/postgres.ts'
import { orderId, placed } from './order-fixture.ts'

// `npm start` as a process of its own, on servers given by URL.

let write: FreshDatabase
let read: FreshDatabase
let dataDir: string
const started: ChildProcess[] = []
beforeAll(async () => {
  ;[write, read] = await Promise.all([freshDatabase(), freshDatabase()])
  dataDir = mkdtempSync(join(tmpdir(), 'orders-main-'))
})
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL')
  rmSync(dataDir, { recursive: true })
  await Promise.all([write.drop(), read.drop()])
})

interface Started {
  readonly child: ChildProcess
  readonly url: string
  readonly lines: readonly string[]
  readonly exited: Promise<readonly unknown[]>
}

async function startMain(...args: string[]): Promise<Started> {
  const env = {
    ...process.env,
    PORT: '0',
    TAILRACE_DATA: dataDir,
    WRITE_DATABASE_URL: write.url,
    READ_DATABASE_URL: read.url,
  }
  const program = [join(import.meta.dirname, 'main.ts'), ...args]
  const child = spawn(process.execPath, ['--conditions=source', ...program], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  started.push(child)
  const exited = once(child, 'exit')
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout! })) {
    lines.push(line)
    const url = /^ready (\S+)$/.exec(line)?.[1]
    if (url !== undefined) return { child, url, lines, exited }
  }
  throw new Error(`expected a line "ready <url>", got:\n${lines.join('\n')}`)
}

async function call(
  url: string,
  path: string,
  body: unknown,
  as = 'support:sam',
): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { authorization: `Bearer demo:${as}`, 'content-type': 'application/json' }
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

test(
  'starts step by step, keeps what was acknowledged through kill -9, and stops on SIGTERM',
  { timeout: 120_000 },
  async () => {
    const first = await startMain('--no-traffic')
    expect(first.lines.some((line) => /^\s*\d+\.\d s {2}306 offers$/.test(line))).toBe(true)
    expect(await call(first.url, '/commands/placeOrder', { ...placed, orderId })).toMatchObject({
      status: 200,
      body: { aggregateId: orderId, version: 1 },
    })
    first.child.kill('SIGKILL')
    await first.exited

    const second = await startMain('--no-traffic')
    // The killed worker's leases run out before another takes over.
    const status = async () => (await call(second.url, '/queries/orderStatus', { orderId })).body
    const expected = { data: { orderId, status: 'placed', version: 1 } }
    await expect.poll(status, { timeout: 60_000 }).toMatchObject(expected)
    const offers = await fetch(`${second.url}/offers.json`)
    expect(await offers.json()).toHaveLength(306)
    const page = await fetch(`${second.url}/orders/${orderId}`, {
      headers: { accept: 'text/html' },
    })
    expect(await page.text()).toMatch(/<!doctype html>/i)
    expect(readFileSync(join(dataDir, 'audit.ndjson'), 'utf8')).toMatch(/"query":"orderStatus"/)

    // It ends by itself with 1 when stopping takes more than ten seconds.
    second.child.kill('SIGTERM')
    expect(await second.exited).toEqual([0, null])
    expect(existsSync(join(dataDir, 'write'))).toBe(false)
  },
)
