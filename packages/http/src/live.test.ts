import { connect } from 'node:net'
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import { ticketApp } from '../../../test/support/ticket-app.ts'
import { ann, surfaces, type TestSurface } from '../test/surfaces.ts'
import { http, type HttpOptions } from './http.ts'

let engine: MemoryEngine
let surface: TestSurface

const comment = async (): Promise<void> => {
  await engine.command(
    'openTicket',
    { ticketId: randomUUID(), title: 'x' },
    { actor: { role: 'customer', id: 'ann' } },
  )
}

interface Listener {
  readonly text: () => string
  readonly closed: () => boolean
  stop(): void
}

async function listen(path: string, headers: Record<string, string> = {}): Promise<Listener> {
  const controller = new AbortController()
  const response = await surface.call(path, {
    headers: { ...ann, ...headers },
    signal: controller.signal,
  })
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/event-stream',
  ])
  let text = ''
  let closed = false
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder()
    for await (const chunk of response.body!) text += decoder.decode(chunk, { stream: true })
  }
  void read()
    .catch(() => {})
    .finally(() => void (closed = true))
  return { text: () => text, closed: () => closed, stop: () => controller.abort() }
}

const checkpoints = (text: string): string[] =>
  [...text.matchAll(/event: checkpoint\nid: (\d+)\ndata: (.*)\n\n/g)].map(([, id, data]) => {
    const { projection, position, queries } = JSON.parse(data!) as {
      projection: string
      position: string
      queries: string[]
    }
    return `${projection} ${position} (${queries.join(', ')}) id ${id}`
  })

describe.each(Object.entries(surfaces))('live over %s', (_, make) => {
  const start = async (options: HttpOptions = {}): Promise<void> => {
    engine = new MemoryEngine(ticketApp)
    surface = await make(engine, options)
  }
  beforeEach(() => start())
  afterEach(() => surface.close())

  test('says first where each read model is, and then each move', async () => {
    await comment()
    const listener = await listen('/live')
    await expect
      .poll(() => checkpoints(listener.text()))
      .toEqual(['tickets 1 (ticket) id 1', 'counts 1 (counts) id 1'])
    engine.hold('counts')
    await comment()
    await expect
      .poll(() => checkpoints(listener.text()).slice(2))
      .toEqual(['tickets 2 (ticket) id 1'])
    engine.release('counts')
    await expect
      .poll(() => checkpoints(listener.text()).slice(3))
      .toEqual(['counts 2 (counts) id 2'])
    expect(listener.text()).toMatch(/^retry: 1000\n\n/)
    listener.stop()
  })

  test('follows only the read models of the asked queries', async () => {
    const listener = await listen('/live?queries=counts')
    await comment()
    await expect
      .poll(() => checkpoints(listener.text()))
      .toEqual(['counts 0 (counts) id 0', 'counts 1 (counts) id 1'])
    listener.stop()
  })

  test('resumes after Last-Event-ID and leaves out what was heard', async () => {
    await comment()
    engine.hold('counts')
    await comment()
    const listener = await listen('/live', { 'last-event-id': '1' })
    await expect.poll(() => checkpoints(listener.text())).toEqual(['tickets 2 (ticket) id 1'])
    listener.stop()
  })

  test('tells a listener who heard of more than there is where each read model stands now', async () => {
    await comment()
    const listener = await listen('/live', { 'last-event-id': '7' })
    await expect
      .poll(() => checkpoints(listener.text()))
      .toEqual(['tickets 1 (ticket) id 1', 'counts 1 (counts) id 1'])
    listener.stop()
  })

  test('takes the queries in one list or in several', async () => {
    for (const queries of ['queries=ticket,counts', 'queries=ticket&queries=counts']) {
      const listener = await listen(`/live?${queries}`)
      await expect
        .poll(() => checkpoints(listener.text()))
        .toEqual(['tickets 0 (ticket) id 0', 'counts 0 (counts) id 0'])
      listener.stop()
    }
    const refused = await surface.call('/live?queries=ticket&queries=nothing', { headers: ann })
    expect(refused.status).toBe(404)
  })

  test('refuses unknown queries, malformed ids and callers without identity', async () => {
    const status = async (path: string, headers: Record<string, string> = ann): Promise<number> =>
      (await surface.call(path, { headers })).status
    expect(await status('/live?queries=ticket,nothing')).toBe(404)
    expect(await status('/live', { ...ann, 'last-event-id': 'x' })).toBe(400)
    expect(await status('/live', {})).toBe(401)
    expect(await status('/live?queries=ticket', {})).toBe(401)
    expect(engine.listeners).toBe(0)
  })

  test('beats while nothing happens', async () => {
    await surface.close()
    await start({ heartbeatMs: 5 })
    const listener = await listen('/live')
    await expect.poll(() => listener.text().split(': heartbeat\n\n').length).toBeGreaterThan(2)
    listener.stop()
  })

  test('ends a connection that is too old', async () => {
    await surface.close()
    await start({ heartbeatMs: 5, liveMaxAgeMs: 1 })
    const listener = await listen('/live')
    await expect.poll(() => listener.closed()).toBe(true)
    expect(engine.listeners).toBe(0)
  })

  test('bounds its connections', async () => {
    await surface.close()
    await start({ liveClientsMax: 2 })
    const listeners = [await listen('/live'), await listen('/live')]
    const refused = await surface.call('/live', { headers: ann })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    for (const listener of listeners) listener.stop()
    await expect
      .poll(async () => {
        const response = await surface.call('/live', { headers: ann })
        await response.body?.cancel()
        return response.status
      })
      .toBe(200)
  })

  test('leaves nothing behind when listeners go', async () => {
    for (let round = 0; round < 5; round++) {
      const listeners = await Promise.all(Array.from({ length: 20 }, () => listen('/live')))
      await comment()
      for (const listener of listeners)
        await expect.poll(() => checkpoints(listener.text()).length).toBeGreaterThan(2)
      expect(engine.listeners).toBe(1)
      for (const listener of listeners) listener.stop()
      await expect.poll(() => engine.listeners).toBe(0)
    }
  })
})

describe('live over a socket', () => {
  test('notices a listener whose connection is torn down', async () => {
    engine = new MemoryEngine(ticketApp)
    const { url, close } = await http({ port: 0, env: {} }).start(engine)
    const { port } = new URL(url)
    const sockets = await Promise.all(Array.from({ length: 10 }, () => rawListener(Number(port))))
    expect(engine.listeners).toBe(1)
    for (const socket of sockets) socket.resetAndDestroy()
    await expect.poll(() => engine.listeners).toBe(0)
    await close()
  })

  test('close() ends the listeners and resolves', async () => {
    engine = new MemoryEngine(ticketApp)
    const { url, close } = await http({ port: 0, env: {} }).start(engine)
    const socket = await rawListener(Number(new URL(url).port))
    const ended = new Promise((resolve) => socket.once('close', resolve))
    await close()
    await ended
    expect(engine.listeners).toBe(0)
  })
})

function rawListener(port: number): Promise<ReturnType<typeof connect>> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.once('data', () => resolve(socket))
    socket.once('close', () =>
      reject(new Error('expected a stream, got the end of the connection')),
    )
    socket.write(
      `GET /live HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${ann.authorization}\r\n\r\n`,
    )
  })
}
