import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { beforeEach, expect, test } from 'vitest'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import { ticketApp } from '../../../test/support/ticket-app.ts'
import { fetchInbound } from './fetch-inbound.ts'
import { createHandler, type Handler } from './handler.ts'
import { nodeListener } from './http.ts'

// Nobody hears the answer to a body that its sender broke off; what counts is that nobody is told of a failure of ours.

let handler: Handler
let failures: unknown[]
beforeEach(() => {
  failures = []
  handler = createHandler(new MemoryEngine(ticketApp), {
    identity: () => ({ role: 'customer', id: 'ann' }),
    onFailure: (failure) => failures.push(failure),
  })
})

const head =
  'POST /commands/openTicket HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n'

test.each([
  ['goes away', 'content-length: 100\r\n\r\n{"tit', ''],
  ['breaks a chunk', 'transfer-encoding: chunked\r\n\r\n5\r\n{"tit\r\n', 'xyz\r\n'],
])('a caller that %s while it sends is no failure of ours', async (_, start, rest) => {
  const answered: (number | undefined)[] = []
  let arrived: () => void
  const arrival = new Promise<void>((resolve) => (arrived = resolve))
  const answer: Handler['answer'] = async (request) => {
    arrived()
    const reply = await handler.answer(request)
    answered.push(reply?.status)
    return reply
  }
  const server = createServer(nodeListener({ ...handler, answer }, () => undefined))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(head + start)
  await arrival
  if (rest === '') socket.destroy()
  else socket.write(rest)
  await expect.poll(() => answered).toEqual([400])
  expect(failures).toEqual([])
  socket.destroy()
  server.close()
})

test('nor is it one over Fetch', async () => {
  const body = new ReadableStream({
    pull(controller) {
      controller.error(new Error('aborted'))
    },
  })
  const request = new Request('http://127.0.0.1/commands/openTicket', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    duplex: 'half',
  } as RequestInit)
  expect((await handler.answer(fetchInbound(request, undefined)))?.status).toBe(400)
  expect(failures).toEqual([])
})
