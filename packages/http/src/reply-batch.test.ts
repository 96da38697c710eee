import { once } from 'node:events'
import {
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test, vi } from 'vitest'
import type { Reply } from './exchange.ts'
import { ReplyBatch } from './reply-batch.ts'

let server: Server | undefined
afterEach(() => {
  vi.restoreAllMocks()
  server?.closeAllConnections()
  server?.close()
})

const reply = (body: string): Reply => ({ status: 200, headers: {}, body })

/** Sends requests `0` to `count - 1` on connections of their own and holds them until all are there. */
async function held(count: number) {
  const there: [IncomingMessage, ServerResponse][] = []
  const all = Promise.withResolvers<void>()
  server = createServer((incoming, outgoing) => {
    if (there.push([incoming, outgoing]) === count) all.resolve()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sent = Array.from({ length: count }, (_, n) => {
    const out = request({ port, path: `/${n}`, agent: false })
    out.on('error', () => {})
    out.end()
    return out
  })
  const bodies = sent.map(async (out) => {
    const [answer] = (await once(out, 'response')) as [IncomingMessage]
    return text(answer)
  })
  await all.promise
  return { there, sent, bodies }
}

test('the replies of one turn are written together when it ends, in their order', async () => {
  const { there, bodies } = await held(3)
  const order: string[] = []
  const batch = new ReplyBatch()
  for (const [incoming, outgoing] of there) {
    vi.spyOn(outgoing, 'end').mockImplementationOnce(function (this: ServerResponse, body: string) {
      order.push(`write ${body}`)
      return this.end(body)
    } as never)
    batch.add(reply(incoming.url!), incoming, outgoing)
    order.push(`add ${incoming.url}`)
  }
  expect(order.every((line) => line.startsWith('add'))).toBe(true)
  expect((await Promise.all(bodies)).toSorted()).toEqual(['/0', '/1', '/2'])
  expect(order.map((line) => line.split(' ')[0])).toEqual([
    'add',
    'add',
    'add',
    'write',
    'write',
    'write',
  ])
  expect(order.slice(3).map((line) => line.slice(6))).toEqual(
    order.slice(0, 3).map((line) => line.slice(4)),
  )
})

test('a caller who has gone gets nothing, and the others get theirs', async () => {
  const { there, bodies } = await held(3)
  const gone = there.find(([incoming]) => incoming.url === '/1')![1]
  const ended = vi.spyOn(gone, 'writeHead')
  gone.destroy()
  const batch = new ReplyBatch()
  for (const [incoming, outgoing] of there) batch.add(reply(incoming.url!), incoming, outgoing)
  void bodies[1]!.catch(() => {})
  expect(await Promise.all([bodies[0], bodies[2]])).toEqual(['/0', '/2'])
  expect(ended).not.toHaveBeenCalled()
})

test('a reply that cannot be written keeps no other one back', async () => {
  const { there, bodies } = await held(3)
  const failures: unknown[] = []
  const batch = new ReplyBatch()
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => failures.push(error))
  try {
    const bad = there.findIndex(([incoming]) => incoming.url === '/0')
    for (const [n, [incoming, outgoing]] of there.entries())
      batch.add(
        n === bad ? { ...reply(''), headers: { 'x-bad': '\n' } } : reply(incoming.url!),
        incoming,
        outgoing,
      )
    void bodies[0]!.catch(() => {})
    expect(await Promise.all([bodies[1], bodies[2]])).toEqual(['/1', '/2'])
    expect(failures).toHaveLength(1)
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of before) process.on('uncaughtException', listener)
  }
})
