import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { demoIdentity, fetchHandler } from '@tailrace/http'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import { ticketApp } from '../../../test/support/ticket-app.ts'
import {
  createClient,
  memoryStorage,
  type Client,
  type ClientClock,
  type LiveConnection,
  type ViewState,
} from './index.ts'

type Ticket = {
  ticketId: string
  owner: string
  title: string
  open: boolean
  comments: string[]
} | null

let engine: MemoryEngine
let client: Client<typeof ticketApp>
let asked: string[]
let offline: boolean
let now: number
let ticketId: string
let live: LiveConnection | undefined

const clock: ClientClock = {
  now: () => now,
  random: () => 0.5,
  sleep: (_, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, 1)
      signal?.addEventListener('abort', () => resolve(clearTimeout(timer)))
    }),
}

beforeEach(async () => {
  engine = new MemoryEngine(ticketApp)
  asked = []
  offline = false
  now = Date.UTC(2026, 0, 1)
  const handler = fetchHandler(engine, {
    identity: demoIdentity(),
    peer: () => '127.0.0.1',
  })
  client = createClient<typeof ticketApp>({
    baseUrl: 'http://127.0.0.1',
    token: () => 'demo:customer:ann',
    storage: memoryStorage(),
    clock,
    fetch: async (url, init) => {
      asked.push(new URL(url as string).pathname)
      if (offline) throw new TypeError('fetch failed')
      return handler(new Request(url as string, init))
    },
  })
  ticketId = randomUUID()
  await client.commands.openTicket({ ticketId, title: 'Lamp' })
  asked = []
})
afterEach(() => live?.close())

const comment =
  (text: string) =>
  (ticket: Ticket): Ticket =>
    ticket && { ...ticket, comments: [...ticket.comments, text] }

/** Subscribes and keeps every state that was shown. */
function watch(): {
  shown: ViewState<Ticket>[]
  stop: () => void
  comments: () => string[] | undefined
} {
  const view = client.views.ticket({ ticketId })
  const shown: ViewState<Ticket>[] = []
  const stop = view.subscribe(() => shown.push(view.getSnapshot()))
  return { shown, stop, comments: () => view.getSnapshot().data?.comments }
}

describe('a view', () => {
  test('is the same object for the same query and input, whatever the order of its keys', () => {
    const any = client.views as unknown as Record<string, (input: unknown) => unknown>
    expect(any.ticket!({ a: 1, b: [{ c: 1, d: 2 }] })).toBe(
      any.ticket!({ b: [{ d: 2, c: 1 }], a: 1 }),
    )
    expect(any.ticket!({ a: 1 })).not.toBe(any.ticket!({ a: 2 }))
  })

  test('asks when somebody watches it, and keeps its state object until something changes', async () => {
    const view = client.views.ticket({ ticketId })
    expect(view.getSnapshot()).toMatchObject({ data: undefined, loading: false })
    const { stop } = watch()
    await expect.poll(() => view.getSnapshot().loading).toBe(false)
    expect(view.getSnapshot()).toMatchObject({
      data: { title: 'Lamp' },
      pending: 0,
      meta: { stale: false },
    })
    expect(view.getSnapshot()).toBe(view.getSnapshot())
    stop()
  })

  test('shows a command at once, without flicker, and no longer as pending when the read model has it', async () => {
    const { shown, stop, comments } = watch()
    await expect.poll(comments).toEqual([])
    engine.hold('tickets')
    shown.length = 0
    const view = client.views.ticket({ ticketId })
    const sending = client.commands.addComment(
      { ticketId, text: 'hello' },
      { optimistic: [view.patch(comment('hello'))] },
    )
    expect(comments()).toEqual(['hello'])
    await sending
    await expect
      .poll(() => asked.filter((path) => path === '/queries/ticket').length)
      .toBeGreaterThan(3)
    expect(view.getSnapshot()).toMatchObject({ pending: 1, delayed: false })
    now += 2_000
    await view.refetch()
    expect(view.getSnapshot()).toMatchObject({ pending: 1, delayed: true })
    engine.release('tickets')
    await expect.poll(() => view.getSnapshot().pending).toBe(0)
    expect(new Set(shown.map(({ data }) => JSON.stringify(data?.comments)))).toEqual(
      new Set(['["hello"]']),
    )
    stop()
  })

  test('knows that its own command is there although others are late', async () => {
    const query = engine.query.bind(engine)
    engine.query = async (...args) => {
      const outcome = await query(...args)
      return outcome.kind === 'answer'
        ? { ...outcome, meta: { ...outcome.meta, stale: true, notice: 'results may be delayed' } }
        : outcome
    }
    const { stop, comments } = watch()
    await expect.poll(comments).toEqual([])
    const view = client.views.ticket({ ticketId })
    await client.commands.addComment(
      { ticketId, text: 'hello' },
      { optimistic: [view.patch(comment('hello'))] },
    )
    await expect.poll(() => view.getSnapshot().pending).toBe(0)
    expect(view.getSnapshot()).toMatchObject({
      data: { comments: ['hello'] },
      meta: { stale: true, notice: 'results may be delayed' },
    })
    stop()
  })

  test('takes a rejected command back', async () => {
    const { stop, comments } = watch()
    await expect.poll(comments).toEqual([])
    const view = client.views.ticket({ ticketId })
    const sending = client.commands.openTicket(
      { ticketId, title: 'again' },
      { optimistic: [view.patch(comment('wrong'))] },
    )
    expect(comments()).toEqual(['wrong'])
    expect((await sending).ok).toBe(false)
    expect(comments()).toEqual([])
    stop()
  })

  test('keeps a command of unknown outcome until an answer of the present tells', async () => {
    const { stop, comments } = watch()
    await expect.poll(comments).toEqual([])
    offline = true
    const view = client.views.ticket({ ticketId })
    await expect(
      client.commands.addComment(
        { ticketId, text: 'lost' },
        { optimistic: [view.patch(comment('lost'))] },
      ),
    ).rejects.toMatchObject({ code: 'NETWORK' })
    expect(comments()).toEqual(['lost'])
    await expect.poll(() => view.getSnapshot().error).toMatchObject({ code: 'NETWORK' })
    offline = false
    await expect.poll(comments).toEqual([])
    expect(view.getSnapshot().error).toBeUndefined()
    stop()
  })

  test('asks one question at a time, and one more for all who wanted another meanwhile', async () => {
    const view = client.views.ticket({ ticketId })
    await Promise.all([view.refetch(), view.refetch(), view.refetch()])
    expect(asked).toHaveLength(2)
  })

  test('starts anew when the log begins another history', async () => {
    const view = client.views.ticket({ ticketId })
    await client.commands.addComment({ ticketId, text: 'old history' })
    await view.refetch()
    expect(view.getSnapshot().data?.comments).toEqual(['old history'])
    Object.assign(engine, {
      query: new MemoryEngine(ticketApp).query.bind(new MemoryEngine(ticketApp)),
    })
    await view.refetch()
    expect(view.getSnapshot()).toMatchObject({ data: null, meta: { position: '0' } })
  })

  test('tells how fresh every projection is that it read', async () => {
    await client.views.ticket({ ticketId }).refetch()
    expect(client.freshness.getSnapshot()).toEqual({
      tickets: { position: '1', lagMs: 0, state: 'live' },
    })
  })
})

describe('a live connection', () => {
  test('asks watched views again, once, and leaves the others alone', async () => {
    const { stop, comments } = watch()
    await expect.poll(comments).toEqual([])
    const seen: string[] = []
    live = client.live({
      queries: ['ticket'],
      onCheckpoint: ({ projection, position }) => seen.push(`${projection} ${position}`),
    })
    await expect.poll(() => seen).toEqual(['tickets 1'])
    await client.views.ticket({ ticketId }).refetch()
    asked = []
    await engine.command(
      'addComment',
      { ticketId, text: 'by somebody else' },
      { actor: { role: 'customer', id: 'ann' } },
    )
    await expect.poll(comments).toEqual(['by somebody else'])
    await client.views.ticket({ ticketId }).refetch()
    expect(seen).toEqual(['tickets 1', 'tickets 2'])
    // One for the checkpoint, one for the line above.
    expect(asked).toEqual(['/queries/ticket', '/queries/ticket'])
    stop()
  })

  test('comes again after a broken connection, and hears what it missed', async () => {
    const states: boolean[] = []
    const seen: string[] = []
    offline = true
    live = client.live({
      onConnected: (connected) => states.push(connected),
      onCheckpoint: ({ position }) => seen.push(position),
    })
    await expect.poll(() => asked.length).toBeGreaterThan(2)
    offline = false
    await expect.poll(() => seen).toEqual(['1', '1'])
    expect(states).toEqual([true])
    live.close()
    await expect.poll(() => states).toEqual([true, false])
    await expect.poll(() => engine.listeners).toBe(0)
  })

  test('asks views again whose last question failed once the server is back, though nothing has moved', async () => {
    const { stop, comments } = watch()
    await expect.poll(comments).toEqual([])
    const states: boolean[] = []
    live = client.live({ onConnected: (connected) => states.push(connected) })
    await expect.poll(() => states).toEqual([true])
    offline = true
    await client.views.ticket({ ticketId }).refetch()
    expect(client.views.ticket({ ticketId }).getSnapshot().error).toMatchObject({ code: 'NETWORK' })
    live.close()
    await expect.poll(() => states).toEqual([true, false])
    offline = false
    live = client.live({ queries: ['counts'], onConnected: (yes) => states.push(yes) })
    await expect.poll(() => client.views.ticket({ ticketId }).getSnapshot().error).toBe(undefined)
    stop()
  })

  test('tells why it cannot connect, and tries again', async () => {
    const errors: unknown[] = []
    live = client.live({
      queries: ['nothing' as 'ticket'],
      onError: ({ code, status }) => errors.push([code, status]),
    })
    await expect.poll(() => errors.length).toBeGreaterThan(1)
    expect(errors[0]).toEqual(['QUERY_UNKNOWN', 404])
  })
})
