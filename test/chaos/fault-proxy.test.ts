import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { faultProxy, type FaultProxy, type ProxyOptions } from './fault-proxy.ts'

// Between real sockets: a server that keeps what it hears and answers it, and clients that go through the proxy.

let server: Server
let heard: { socket: Socket; text: string }[]
const proxies: FaultProxy[] = []
const clients: Socket[] = []

beforeEach(async () => {
  heard = []
  server = createServer((socket) => {
    const entry = { socket, text: '' }
    heard.push(entry)
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      entry.text += bytes.toString('latin1')
      socket.write(bytes)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
  for (const { socket } of heard) socket.destroy()
  server.close()
})

const serverPort = (): number => (server.address() as AddressInfo).port

async function open(more: Partial<ProxyOptions> = {}): Promise<FaultProxy> {
  const proxy = await faultProxy({ port: serverPort(), ...more })
  proxies.push(proxy)
  return proxy
}

interface Client {
  readonly socket: Socket
  got: string
  error: string | undefined
  closed: boolean
}

async function connectTo(proxy: FaultProxy): Promise<Client> {
  const socket = connect(proxy.port, '127.0.0.1')
  clients.push(socket)
  const state: Client = { socket, got: '', error: undefined, closed: false }
  socket.on('data', (bytes) => (state.got += bytes.toString('latin1')))
  socket.on('error', (error: NodeJS.ErrnoException) => (state.error = error.code))
  socket.on('close', () => (state.closed = true))
  await once(socket, 'connect')
  return state
}

test('without a fault, bytes and ends pass in both directions', async () => {
  const proxy = await open()
  const one = await connectTo(proxy)
  one.socket.write('hello')
  await expect.poll(() => one.got).toBe('hello')
  one.socket.end()
  await expect.poll(() => one.closed).toBe(true)
  expect(one.error).toBeUndefined()
  await expect.poll(() => proxy.connections).toBe(0)
})

test('more bytes than it holds pass, whole and in order', async () => {
  const proxy = await open()
  const one = await connectTo(proxy)
  const text = Array.from({ length: 400_000 }, (_, n) => String(n)).join(' ')
  one.socket.write(text)
  await expect.poll(() => one.got.length).toBe(text.length)
  expect(one.got).toBe(text)
})

test('a delay holds bytes back and keeps their order', async () => {
  const proxy = await open()
  const one = await connectTo(proxy)
  proxy.set({ delayMs: 60 })
  const began = performance.now()
  for (const word of ['a', 'b', 'c']) one.socket.write(word)
  await expect.poll(() => one.got).toBe('abc')
  // Once on each way.
  expect(performance.now() - began).toBeGreaterThanOrEqual(115)
})

test('a slow link takes its time', async () => {
  const proxy = await open()
  const one = await connectTo(proxy)
  proxy.set({ bytesPerSecond: 20_000 })
  const began = performance.now()
  one.socket.write('x'.repeat(6_000))
  await expect.poll(() => one.got.length).toBe(6_000)
  expect(performance.now() - began).toBeGreaterThan(250)
})

test('one-way: the server hears and its answer is lost; healing resets the connection', async () => {
  const proxy = await open()
  const one = await connectTo(proxy)
  one.socket.write('before ')
  await expect.poll(() => one.got).toBe('before ')
  proxy.set({ swallow: ['down'] })
  one.socket.write('lost')
  await expect.poll(() => heard[0]?.text).toBe('before lost')
  expect(one.got).toBe('before ')
  expect(one.closed).toBe(false)
  proxy.heal()
  await expect.poll(() => one.error).toBe('ECONNRESET')
})

test('half-open: neither side hears of the end of the other one, until it is healed', async () => {
  const proxy = await open()
  const [idle, cut] = [await connectTo(proxy), await connectTo(proxy)]
  idle.socket.write('1')
  cut.socket.write('2')
  await expect.poll(() => idle.got + cut.got).toBe('12')
  proxy.set({ swallow: ['up', 'down'] })
  const serverSide = heard.find(({ text }) => text === '2')!.socket
  serverSide.resetAndDestroy()
  cut.socket.write('anybody?')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(cut.closed).toBe(false)
  proxy.heal()
  await expect.poll(() => cut.closed).toBe(true)
  // A connection that lost nothing goes on.
  idle.socket.write('3')
  await expect.poll(() => idle.got).toBe('13')
})

test('held bytes arrive late and whole, with an end behind them', async () => {
  const proxy = await open()
  const one = await connectTo(proxy)
  proxy.set({ hold: ['up'] })
  one.socket.write('late ')
  one.socket.end('commit')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(heard[0]?.text ?? '').toBe('')
  proxy.heal()
  await expect.poll(() => heard[0]?.text).toBe('late commit')
  await expect.poll(() => one.closed).toBe(true)
})

test('a source is not read further than the proxy can hold', async () => {
  const proxy = await open()
  const one = await connectTo(proxy)
  proxy.set({ hold: ['up'] })
  const size = 32 * 1024 * 1024
  one.socket.write('x'.repeat(size))
  await new Promise((resolve) => setTimeout(resolve, 200))
  // What is left waits in the sender; only a part fits into the proxy and the buffers of the system.
  expect(one.socket.writableLength).toBeGreaterThan(0)
  proxy.heal()
  await expect.poll(() => heard[0]?.text.length).toBe(size)
})

test('reset: both sides see their connection broken at once', async () => {
  const proxy = await open()
  const one = await connectTo(proxy)
  one.socket.write('1')
  await expect.poll(() => one.got).toBe('1')
  const atServer = new Promise((resolve) => heard[0]!.socket.once('error', resolve))
  expect(proxy.reset()).toBe(1)
  await expect.poll(() => one.error).toBe('ECONNRESET')
  expect(((await atServer) as NodeJS.ErrnoException).code).toBe('ECONNRESET')
})

test('refuse: new connections end at once, open ones go on', async () => {
  const proxy = await open()
  const old = await connectTo(proxy)
  old.socket.write('1')
  await expect.poll(() => old.got).toBe('1')
  proxy.set({ refuse: true })
  const fresh = await connectTo(proxy).catch(() => undefined)
  if (fresh !== undefined) await expect.poll(() => fresh.closed).toBe(true)
  old.socket.write('2')
  await expect.poll(() => old.got).toBe('12')
  expect(heard).toHaveLength(1)
})

test('corrupt: one bit of a large chunk is another one; small ones pass', async () => {
  const proxy = await open()
  const one = await connectTo(proxy)
  proxy.set({ corrupt: ['up'] })
  one.socket.write('small')
  await expect.poll(() => one.got).toBe('small')
  one.socket.write('y'.repeat(2_000))
  await expect.poll(() => heard[0]?.text.length).toBe(2_005)
  const wrong = heard[0]!.text.slice(5).replaceAll('y', '')
  expect(wrong.length).toBeGreaterThan(0)
})

test('an address that the server tells is replaced by the proxy', async () => {
  const replace = (port: number): Buffer => Buffer.from(String(port))
  const proxy = await open({ rewrite: { find: Buffer.from('PORT!'), replace } })
  const one = await connectTo(proxy)
  one.socket.write('at PORT! and PORT!')
  const port = String(proxy.port)
  await expect.poll(() => one.got.length).toBeGreaterThan(10)
  if (port.length === 5) expect(one.got).toBe(`at ${port} and ${port}`)
})

test('a server that does not listen is a connection that breaks', async () => {
  const gone = createServer()
  gone.listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo
  gone.close()
  await once(gone, 'close')
  const proxy = await open({ port })
  const one = await connectTo(proxy)
  await expect.poll(() => one.closed).toBe(true)
})
