import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { Hono } from 'hono'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveFiles } from './static-files.ts'

let folder: string
let app: Hono
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'static-'))
  for (const name of ['pages', 'data']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'pages/index.html'), '<title>pages</title>')
  writeFileSync(join(folder, 'pages/app-AbCdEf12.js'), 'run()')
  writeFileSync(join(folder, 'pages/app-AbCdEf12.js.gz'), gzipSync('run()'))
  writeFileSync(join(folder, 'data/offers.json'), '[]')
  writeFileSync(join(folder, 'secret.txt'), 'no')
  app = new Hono()
  app.get('/livez', (context) => context.text('alive'))
  serveFiles(app, '/', [join(folder, 'pages'), join(folder, 'data')])
})
afterAll(() => rmSync(folder, { recursive: true }))

async function ask(path: string, accept = '*/*'): Promise<[number, string]> {
  const response = await app.request(path, { headers: { accept } })
  return [response.status, await response.text()]
}

test('serves the files of several folders', async () => {
  expect(await ask('/')).toEqual([200, '<title>pages</title>'])
  expect(await ask('/offers.json')).toEqual([200, '[]'])
})

test('lets browsers keep files with a hash in their name, and no others', async () => {
  const kept = await app.request('/app-AbCdEf12.js')
  expect(kept.headers.get('cache-control')).toMatch(/immutable/)
  expect((await app.request('/offers.json')).headers.get('cache-control')).toBe('no-cache')
})

test('sends the compressed twin of a file to whoever takes it', async () => {
  const sent = async (encodings: string): Promise<[string | null, string]> => {
    const { headers, body } = await app.request('/app-AbCdEf12.js', {
      headers: { 'accept-encoding': encodings },
    })
    expect(headers.get('content-type')).toMatch(/javascript/)
    expect(headers.get('cache-control')).toMatch(/immutable/)
    const bytes = Buffer.from(await new Response(body).arrayBuffer())
    const encoding = headers.get('content-encoding')
    return [encoding, String(encoding === null ? bytes : gunzipSync(bytes))]
  }
  expect(await sent('gzip, deflate')).toEqual(['gzip', 'run()'])
  expect(await sent('identity')).toEqual([null, 'run()'])
})

test('shows a browser the pages at any of their addresses', async () => {
  expect(await ask('/orders/7', 'text/html,*/*')).toEqual([200, '<title>pages</title>'])
  expect((await ask('/orders/7'))[0]).toBe(404)
  expect((await ask('/missing.js', 'text/html,*/*'))[0]).toBe(404)
})

test('leaves our own addresses alone and nothing outside the folders', async () => {
  expect(await ask('/livez', 'text/html')).toEqual([200, 'alive'])
  expect((await ask('/../secret.txt'))[0]).toBe(404)
  expect((await ask('/%2e%2e/secret.txt'))[0]).toBe(404)
})

test('refuses other methods than reading, and says so', async () => {
  for (const path of ['/', '/offers.json']) {
    const refused = await app.request(path, { method: 'POST' })
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  }
  expect((await app.request('/nothing', { method: 'POST' })).status).toBe(404)
  expect((await app.request('/offers.json', { method: 'HEAD' })).status).toBe(200)
})
