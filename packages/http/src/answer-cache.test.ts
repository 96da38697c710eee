import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { App } from 'tailrace'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import { ticketApp } from '../../../test/support/ticket-app.ts'
import { ann, post, sue, surfaces, type TestSurface } from '../test/surfaces.ts'

let engine: MemoryEngine
let asked: number
let surface: TestSurface
let ticketId: string

const forever = 60_000

async function start(reuseMs: number, make = surfaces.fetch!): Promise<void> {
  engine = new MemoryEngine(reusing(reuseMs))
  asked = 0
  const query = engine.query.bind(engine)
  Object.assign(engine, { query: (...args: Parameters<typeof query>) => (asked++, query(...args)) })
  surface = await make(engine)
  ticketId = randomUUID()
  await open(ticketId)
}

/** The application with `eventual({ reuse })` for the query `ticket`. */
const reusing = (reuseMs: number): App => ({
  ...(ticketApp as App),
  queries: {
    ...ticketApp.queries,
    ticket: { ...ticketApp.queries.ticket, freshness: { mode: 'eventual', waitMs: 20, reuseMs } },
  },
})

const open = async (id: string): Promise<string> =>
  (
    (await (
      await surface.call('/commands/openTicket', post({ ticketId: id, title: 'Lamp' }))
    ).json()) as { token: string }
  ).token
const byBody = (headers: Record<string, string> = ann, id = ticketId): Promise<Response> =>
  surface.call('/queries/ticket', post({ ticketId: id }, headers))
const byAddress = (headers: Record<string, string> = ann): Promise<Response> =>
  surface.call(`/queries/ticket?input=${encodeURIComponent(JSON.stringify({ ticketId }))}`, {
    headers,
  })

beforeEach(() => start(forever))
afterEach(() => surface.close())

describe.each(Object.entries(surfaces))('an answer serves again, over %s,', (_, make) => {
  beforeEach(async () => {
    await surface.close()
    await start(forever, make)
  })

  test.each([
    ['by body', byBody],
    ['by address', byAddress],
  ])('the same question of the same caller, %s', async (_way, ask) => {
    const [first, second] = [await ask(), await ask()]
    expect(asked).toBe(1)
    const lasting = ({ headers }: Response): string[][] =>
      [...headers].filter(([name]) => name !== 'date')
    expect(lasting(second)).toEqual(lasting(first))
    expect(await second.text()).toBe(await first.text())
  })

  test('as 304 for whoever has it already', async () => {
    const etag = (await byBody()).headers.get('etag')!
    const again = await byBody({ ...ann, 'if-none-match': etag })
    expect([again.status, asked, again.headers.get('content-type')]).toEqual([304, 1, null])
  })

  test('a caller who holds a token of no more than it has seen', async () => {
    const token = (await byBody()).headers.get('consistency-token')!
    expect((await byBody({ ...ann, 'consistency-token': token })).status).toBe(200)
    expect(asked).toBe(1)
  })
})

describe('the engine is asked anew', () => {
  beforeEach(async () => {
    await byBody()
    expect(asked).toBe(1)
  })

  test('by another caller, who may see something else', async () => {
    expect(
      await (await byBody({ authorization: 'Bearer demo:customer:eve' })).json(),
    ).toMatchObject({ data: null })
    expect(await (await byBody(sue)).json()).toMatchObject({ data: { title: 'Lamp' } })
    expect((await byBody({})).status).toBe(401)
    expect((await byBody({ ...ann, 'x-forwarded-for': '10.0.0.1' })).status).toBe(401)
    expect((await byBody({ ...ann, host: 'attacker.example' })).status).toBe(401)
    expect(asked).toBe(3)
  })

  test('for another input, and by another way to ask', async () => {
    await byBody(ann, randomUUID())
    await byAddress()
    expect(asked).toBe(3)
  })

  test('when a read model of the query has moved', async () => {
    await surface.call('/commands/addComment', post({ ticketId, text: 'new' }))
    expect(await (await byBody()).json()).toMatchObject({ data: { comments: ['new'] } })
    expect(asked).toBe(2)
  })

  test('with a token of more than the answer has seen, and with one that is malformed', async () => {
    engine.hold('tickets')
    const token = await open(randomUUID())
    expect(await (await byBody({ ...ann, 'consistency-token': token })).json()).toMatchObject({
      meta: { stale: true },
    })
    expect((await byBody({ ...ann, 'consistency-token': 'x' })).status).toBe(400)
    // The stale answer was not kept in the place of the fresh one.
    expect(await (await byBody()).json()).toMatchObject({ meta: { stale: false } })
    expect(asked).toBe(3)
  })

  test('by whoever asks for a certain freshness', async () => {
    await byBody({ ...ann, prefer: 'consistency=strict' })
    expect(asked).toBe(2)
  })
})

test('a method that is not served gets no kept answer', async () => {
  await byAddress()
  const path = `/queries/ticket?input=${encodeURIComponent(JSON.stringify({ ticketId }))}`
  expect((await surface.call(path, { method: 'PUT', headers: ann })).status).toBe(405)
  const head = await surface.call(path, { method: 'HEAD', headers: ann })
  expect([head.status, await head.text()]).toEqual([200, ''])
})

test('an answer that was being made while a read model moved is not kept', async () => {
  const query = engine.query.bind(engine)
  Object.assign(engine, {
    query: async (...args: Parameters<typeof query>) => {
      const answer = await query(...args)
      engine.announce('tickets', 99n)
      return answer
    },
  })
  await byBody()
  Object.assign(engine, { query })
  asked = 0
  await byBody()
  expect(asked).toBe(1)
})

test('a query that does not allow it is run every time', async () => {
  await surface.call('/queries/counts')
  await surface.call('/queries/counts')
  expect(asked).toBe(2)
})

test('nothing is kept for longer than said, nor where nothing may be kept', async () => {
  for (const keptMs of [0, Number.MIN_VALUE]) {
    await start(keptMs)
    await byBody()
    await byBody()
    expect(asked).toBe(2)
  }
})
