import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { Server } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import { ticketApp } from '../../../test/support/ticket-app.ts'
import { ann } from '../test/surfaces.ts'
import { http, type RunningSurface } from './http.ts'

let folder: string
let running: RunningSurface

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-http-'))
  await mkdir(join(folder, 'public', 'assets'), { recursive: true })
  await writeFile(join(folder, 'secret.txt'), 'secret')
  await writeFile(join(folder, 'public', 'index.html'), '<h1>pages</h1>')
  await writeFile(join(folder, 'public', 'assets', 'app-Dk3f9a2b.js'), 'export {}')
  running = await http({ port: 0, env: {}, serveStatic: { '/': join(folder, 'public') } }).start(
    new MemoryEngine(ticketApp),
  )
})
afterEach(async () => {
  await running.close()
  await rm(folder, { recursive: true })
})

/** Sends bytes as they are and returns all that comes back until the connection ends. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(running.url).port), '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => void (text += chunk.toString('latin1')))
    socket.on('close', () => resolve(text))
    socket.on('error', () => {})
    socket.write(bytes)
  })
}

describe('files', () => {
  test('are served beside the endpoints, which win', async () => {
    const page = await fetch(running.url)
    expect([page.status, await page.text()]).toEqual([200, '<h1>pages</h1>'])
    expect(page.headers.get('cache-control')).toBe('no-cache')
    const script = await fetch(`${running.url}/assets/app-Dk3f9a2b.js`)
    expect(script.headers.get('cache-control')).toContain('immutable')
    expect(script.headers.get('content-type')).toContain('javascript')
    expect((await fetch(`${running.url}/livez`)).headers.get('content-type')).toBe(
      'application/json',
    )
  })

  test('outside of the folder are out of reach', async () => {
    for (const path of [
      '/../secret.txt',
      '/..%2fsecret.txt',
      '/%2e%2e/secret.txt',
      '/assets/../../secret.txt',
      '/..\\secret.txt',
      '/assets/..%5c..%5csecret.txt',
    ]) {
      const answer = await raw(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 4/)
      expect(answer).not.toContain('secret\n')
    }
  })
})

describe('the server', () => {
  test('says plainly that a port is taken', async () => {
    const { port } = new URL(running.url)
    await expect(
      http({ port: Number(port), env: {} }).start(new MemoryEngine(ticketApp)),
    ).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining('choose another port'),
    })
  })

  test.each([Number.NaN, 99_999, -1, 80.5])('refuses %d, which is no port', (port) => {
    expect(() => http({ port })).toThrow(
      expect.objectContaining({
        code: 'CONFIG',
        message: expect.stringContaining(
          `expected the port of http({ port }) to be an integer from 0 to 65535, got ${port}`,
        ),
      }),
    )
  })

  test('closes the connection of a body that it will not read', async () => {
    const head = `POST /commands/openTicket HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nauthorization: ${ann.authorization}\r\n`
    const answer = await raw(`${head}content-length: 99999999\r\n\r\n{"title":"`)
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer.toLowerCase()).toContain('connection: close')
    const unread = await raw(
      `${head.replace('openTicket', 'nothing')}content-length: 5000\r\n\r\n{`,
    )
    expect(unread).toMatch(/^HTTP\/1\.1 404 /)
  })

  test('survives callers that go away in the middle of a body', async () => {
    const head = `POST /commands/openTicket HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nauthorization: ${ann.authorization}\r\ncontent-length: 100\r\n\r\n{"tit`
    await Promise.all(
      Array.from({ length: 20 }, () => {
        const socket = connect(Number(new URL(running.url).port), '127.0.0.1')
        socket.on('error', () => {})
        return new Promise((resolve) => socket.write(head, () => resolve(socket.resetAndDestroy())))
      }),
    )
    expect((await fetch(`${running.url}/livez`)).status).toBe(200)
  })

  test('keeps connections alive from one request to the next', async () => {
    const one = `GET /livez HTTP/1.1\r\nhost: x\r\n\r\n`
    const answer = await raw(one + one + one.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'))
    expect(answer.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3)
  })

  test('lets a request under way finish when it closes, and breaks no connection for it', async () => {
    const broken = vi.spyOn(Server.prototype, 'closeAllConnections')
    const engine = new MemoryEngine(ticketApp)
    const other = await http({ port: 0, env: {} }).start(engine)
    engine.hold('counts')
    await engine.command(
      'openTicket',
      { ticketId: '0190b0c0-0000-7000-8000-000000000001', title: 'x' },
      { actor: { role: 'customer', id: 'ann' } },
    )
    const asked = fetch(`${other.url}/queries/counts`, {
      headers: { prefer: 'consistency=strict, wait=4' },
    })
    await expect.poll(() => engine.waiting).toBe(1)
    const closed = other.close()
    engine.release('counts')
    expect((await asked).status).toBe(200)
    await closed
    expect(broken).not.toHaveBeenCalled()
    broken.mockRestore()
    await expect(fetch(`${other.url}/livez`)).rejects.toThrow()
  })
})
