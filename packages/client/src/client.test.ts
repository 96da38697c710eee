import { randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import { demoIdentity, fetchHandler } from '@tailrace/http'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import type { ticketApp as TicketApp } from '../../../test/support/ticket-app.ts'
import { ticketApp } from '../../../test/support/ticket-app.ts'
import {
  ClientError,
  createClient,
  memoryStorage,
  type Client,
  type ClientClock,
  type ClientOptions,
} from './index.ts'

let engine: MemoryEngine
let sent: Request[]
/** What happens to a request on its way: return a response or throw to keep it from the server. */
let network: (
  request: Request,
  attempt: number,
  /** The client's own: that of a cloned request is lost when garbage is collected. */
  signal: AbortSignal,
) => Promise<Response | undefined>
let slept: number[]
let client: Client<typeof TicketApp>
let ticketId: string

// Pauses end at once but are written down; time stands still.
const clock: ClientClock = {
  now: () => Date.UTC(2026, 0, 1),
  random: () => 0.5,
  sleep: async (ms) => void slept.push(ms),
}

function connect(options: ClientOptions = {}): Client<typeof TicketApp> {
  const handler = fetchHandler(engine, { identity: demoIdentity(), peer: () => '127.0.0.1' })
  return createClient<typeof TicketApp>({
    baseUrl: 'http://127.0.0.1',
    token: () => 'demo:customer:ann',
    storage: memoryStorage(),
    clock,
    fetch: async (url, init) => {
      const request = new Request(url as string, init)
      sent.push(request.clone())
      return (await network(request.clone(), sent.length, init!.signal!)) ?? handler(request)
    },
    ...options,
  })
}

beforeEach(() => {
  engine = new MemoryEngine(ticketApp)
  sent = []
  slept = []
  network = async () => undefined
  client = connect()
  ticketId = randomUUID()
})

describe('a command', () => {
  test('resolves to the result, typed by the application', async () => {
    const result = await client.commands.openTicket({ ticketId, title: 'Lamp' })
    expect(result).toEqual({
      ok: true,
      commandId: expect.any(String),
      aggregateId: ticketId,
      version: 1,
      token: expect.any(String),
    })
    if (!result.ok && result.code === 'TITLE_RUDE')
      expectTypeOf(result.detail).toEqualTypeOf<{ word: string }>()
    // @ts-expect-error: no such input
    const wrong = (): unknown => client.commands.openTicket({ ticketId, titel: 'Lamp' })
    expect(wrong).toBeTypeOf('function')
    // The compiler says what is missing, and not that there is nothing.
    expectTypeOf<
      Client<unknown>['expected']
    >().toEqualTypeOf<'createClient<typeof app>, with the type of an application between the brackets'>()
  })

  test('resolves to a rejection with its data', async () => {
    expect(await client.commands.openTicket({ ticketId, title: 'damn' })).toEqual({
      ok: false,
      code: 'TITLE_RUDE',
      detail: { word: 'damn' },
    })
    expect(await client.commands.addComment({ ticketId, text: 'x' })).toEqual({
      ok: false,
      code: 'NOT_FOUND',
      detail: undefined,
    })
    await client.commands.openTicket({ ticketId, title: 'Lamp' })
    expect(await client.commands.openTicket({ ticketId, title: 'Lamp' })).toEqual({
      ok: false,
      code: 'AGGREGATE_EXISTS',
      detail: undefined,
    })
    expect(
      await client.commands.addComment({ ticketId, text: 'x' }, { expectedVersion: 9 }),
    ).toEqual({ ok: false, code: 'VERSION_CONFLICT', detail: { current: 1 } })
    for (let n = 0; n < 20; n++) await client.commands.addComment({ ticketId, text: 'x' })
    expect(await client.commands.addComment({ ticketId, text: 'x' })).toEqual({
      ok: false,
      code: 'TOO_MANY',
      detail: { data: 20 },
    })
  })

  test('is an error when it is not allowed, not valid or not known', async () => {
    await client.commands.openTicket({ ticketId, title: 'Lamp' })
    await expect(client.commands.closeTicket({ ticketId })).rejects.toMatchObject({
      code: 'NOT_ALLOWED',
      status: 403,
    })
    await expect(
      client.commands.openTicket({ ticketId: 'x', title: 'Lamp' }),
    ).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      problem: { errors: [{ pointer: '/ticketId' }] },
    })
  })

  test('happens once although its answer is lost, and tells the lost answer', async () => {
    network = async (request, attempt) => {
      if (attempt > 2) return undefined
      await fetchHandler(engine, { identity: demoIdentity(), peer: () => '127.0.0.1' })(request)
      throw new TypeError('fetch failed')
    }
    const result = await client.commands.openTicket({ ticketId, title: 'Lamp' })
    expect(result).toMatchObject({ ok: true, version: 1 })
    expect(engine.log).toHaveLength(1)
    expect(new Set(sent.map((request) => request.headers.get('idempotency-key'))).size).toBe(1)
    expect(slept).toEqual([75, 150])
  })

  test('waits as long as a busy server asks, and gives up after its retries', async () => {
    network = async () =>
      Response.json(
        { code: 'OVERLOADED', detail: 'busy' },
        { status: 503, headers: { 'retry-after': '2' } },
      )
    const error = await client.commands
      .openTicket({ ticketId, title: 'Lamp' })
      .catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ClientError)
    expect(error).toMatchObject({
      code: 'OVERLOADED',
      status: 503,
      idempotencyKey: sent[0]!.headers.get('idempotency-key'),
    })
    expect(slept).toEqual([2000, 2000, 2000, 2000])
  })

  test('asks again while the same command is still running elsewhere', async () => {
    network = async (_, attempt) =>
      attempt === 1
        ? Response.json({ code: 'COMMAND_IN_PROGRESS', detail: '' }, { status: 409 })
        : undefined
    expect(await client.commands.openTicket({ ticketId, title: 'Lamp' })).toMatchObject({
      ok: true,
    })
  })

  test('stops when its signal aborts', async () => {
    const stop = new AbortController()
    network = async () => {
      stop.abort(new Error('user went away'))
      throw new TypeError('fetch failed')
    }
    await expect(
      client.commands.openTicket({ ticketId, title: 'Lamp' }, { signal: stop.signal }),
    ).rejects.toThrow('user went away')
    expect(sent).toHaveLength(1)
  })

  test('gives up an attempt that takes too long', async () => {
    client = connect({ timeoutMs: 5, retries: 1 })
    network = (_request, _attempt, signal) =>
      new Promise((_, reject) => {
        const abort = (): void => reject(signal.reason)
        if (signal.aborted) abort()
        signal.addEventListener('abort', abort)
      })
    await expect(client.commands.openTicket({ ticketId, title: 'Lamp' })).rejects.toMatchObject({
      code: 'TIMEOUT',
    })
    expect(sent).toHaveLength(2)
  })

  test('sends a trace context and a time-ordered key', async () => {
    await client.commands.openTicket({ ticketId, title: 'Lamp' })
    expect(sent[0]!.headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    expect(sent[0]!.headers.get('idempotency-key')).toMatch(
      /^019b76da-a800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    )
  })
})

describe('a query', () => {
  test('sees one’s own write as soon as the read model has it, and says when it does not', async () => {
    engine.hold('tickets')
    await client.commands.openTicket({ ticketId, title: 'Lamp' })
    expect(await client.queries.ticket({ ticketId })).toMatchObject({
      data: null,
      meta: { stale: true },
    })
    const waiting = client.queries.ticket({ ticketId }, { waitMs: 5_000 })
    await expect.poll(() => engine.waiting).toBe(1)
    engine.release('tickets')
    expect(await waiting).toMatchObject({ data: { title: 'Lamp' }, meta: { stale: false } })
  })

  test('never shows less than an earlier answer did', async () => {
    await client.commands.openTicket({ ticketId, title: 'Lamp' })
    await client.queries.ticket({ ticketId })
    engine.hold('counts')
    await connect().commands.addComment({ ticketId, text: 'by another client' })
    expect((await client.queries.counts({})).meta.stale).toBe(false)
    await client.queries.ticket({ ticketId })
    expect((await client.queries.counts({})).meta).toMatchObject({ position: '1', stale: true })
    expect((await client.queries.counts({}, { readYourWrites: false })).meta.stale).toBe(false)
  })

  test('that must be strict is an error when the read model is behind, at once', async () => {
    engine.hold('counts')
    await client.commands.openTicket({ ticketId, title: 'Lamp' })
    await expect(client.queries.counts({}, { consistency: 'strict' })).rejects.toMatchObject({
      code: 'NOT_CAUGHT_UP',
    })
    expect(slept).toEqual([])
  })

  test('forgets tokens of a history that is gone and answers', async () => {
    await client.commands.openTicket({ ticketId, title: 'Lamp' })
    engine = new MemoryEngine(ticketApp)
    const storage = memoryStorage()
    storage.write(client.token()!)
    client = connect({ storage })
    expect(client.token()).toBeDefined()
    expect(await client.queries.counts({})).toMatchObject({ data: { opened: 0 } })
    expect(sent.at(-1)!.headers.get('consistency-token')).toBeNull()
  })

  test('remembers over a reload what its tab has written', async () => {
    const storage = memoryStorage()
    engine.hold('tickets')
    await connect({ storage }).commands.openTicket({ ticketId, title: 'Lamp' })
    expect((await connect({ storage }).queries.ticket({ ticketId })).meta.stale).toBe(true)
  })
})

test('a client is no promise and has no inherited names', async () => {
  expect(await client.commands).toBe(client.commands)
  expect(client.queries.counts).toBe(client.queries.counts)
})
