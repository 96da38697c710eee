import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import { ticketApp } from '../../../test/support/ticket-app.ts'
import { problem } from '../test/problem.ts'
import { ann, post, surfaces, type TestSurface } from '../test/surfaces.ts'

let engine: MemoryEngine
let surface: TestSurface
let ticketId: string

const open = (headers: Record<string, string> = {}, title = 'Lamp'): Promise<Response> =>
  surface.call('/commands/openTicket', post({ ticketId, title }, { ...ann, ...headers }))

describe.each(Object.entries(surfaces))('queries over %s', (_, make) => {
  beforeEach(async () => {
    engine = new MemoryEngine(ticketApp)
    surface = await make(engine, { inFlightMax: 3, metrics: () => 'up 1\n' })
    ticketId = randomUUID()
  })
  afterEach(() => surface.close())

  describe('a query', () => {
    test('answers by POST and by GET with data, freshness and headers', async () => {
      await open()
      const asked = await surface.call('/queries/ticket', post({ ticketId }))
      const got = await surface.call(
        `/queries/ticket?input=${encodeURIComponent(JSON.stringify({ ticketId }))}`,
        { headers: ann },
      )
      const body = await asked.json()
      expect(body.data).toMatchObject({ ticketId, title: 'Lamp', open: true })
      expect(body.meta).toEqual({
        position: '1',
        asOf: '2026-01-01T00:00:00.000Z',
        lagMs: 0,
        stale: false,
        reads: { tickets: { position: '1', lagMs: 0, state: 'live' } },
      })
      expect(await got.json()).toEqual(body)
      for (const { headers } of [asked, got]) {
        expect(headers.get('read-model-position')).toBe('1')
        expect(headers.get('read-model-as-of')).toBe('2026-01-01T00:00:00.000Z')
        expect(headers.get('read-model-lag')).toBe('0')
        expect(headers.get('consistency-token')).toMatch(/^[\w-]+$/)
        expect(headers.get('server-timing')).toBe('wait;dur=0, lag;dur=0')
      }
    })

    test('has {} as its input when the address names none', async () => {
      const response = await surface.call('/queries/counts')
      expect(await response.json()).toMatchObject({ data: { opened: 0 } })
    })

    test('answers HEAD without a body', async () => {
      const response = await surface.call('/queries/counts', { method: 'HEAD' })
      expect([response.status, await response.text()]).toEqual([200, ''])
      expect(response.headers.get('etag')).toMatch(/^W\//)
    })

    test('is 304 while the data is the same, and 200 when it is not', async () => {
      const first = await surface.call('/queries/counts')
      const etag = first.headers.get('etag')!
      const same = await surface.call('/queries/counts', {
        headers: { 'if-none-match': `"x", ${etag}` },
      })
      expect([same.status, await same.text()]).toEqual([304, ''])
      expect(same.headers.get('read-model-position')).toBe('0')
      await open()
      const other = await surface.call('/queries/counts', { headers: { 'if-none-match': etag } })
      expect(other.status).toBe(200)
    })

    test('waits for a token, and says when it was not reached in time', async () => {
      engine.hold('tickets')
      const { token } = await (await open()).json()
      const headers = { ...ann, 'consistency-token': token }
      const late = await surface.call('/queries/ticket', post({ ticketId }, headers))
      expect(late.headers.get('read-model-stale')).toBe('true')
      expect(await late.json()).toMatchObject({ data: null, meta: { stale: true } })
      const waiting = surface.call(
        '/queries/ticket',
        post({ ticketId }, { ...headers, prefer: 'respond-async, wait=4' }),
      )
      await expect.poll(() => engine.waiting).toBe(1)
      engine.release('tickets')
      const fresh = await waiting
      expect(fresh.headers.get('preference-applied')).toBe('wait=4')
      expect(await fresh.json()).toMatchObject({ data: { title: 'Lamp' }, meta: { stale: false } })
    })

    test('a stale answer is never hidden behind 304', async () => {
      const { token } = await (await open()).json()
      const fresh = await surface.call('/queries/counts', {
        headers: { 'consistency-token': token },
      })
      engine.hold('counts')
      const { token: next } = await (
        await surface.call('/commands/addComment', post({ ticketId, text: 'x' }))
      ).json()
      const stale = await surface.call('/queries/counts', {
        headers: { 'consistency-token': next, 'if-none-match': fresh.headers.get('etag')! },
      })
      expect([stale.status, (await stale.json()).meta.stale]).toEqual([200, true])
    })

    test('that must be strict is 503 NOT_CAUGHT_UP with Retry-After', async () => {
      engine.hold('tickets')
      const { token } = await (await open()).json()
      const headers = {
        ...ann,
        'consistency-token': token,
        prefer: 'consistency=strict, wait=0.01',
      }
      const body = await problem(
        surface.call('/queries/ticket', post({ ticketId }, headers)),
        503,
        'NOT_CAUGHT_UP',
      )
      expect(body.headers.get('retry-after')).toBe('2')
    })

    test('refuses malformed tokens and tokens of another history', async () => {
      for (const token of ['x', '', 'a,,b', '%00', 'a'.repeat(5000)]) {
        await problem(
          surface.call('/queries/counts', { headers: { 'consistency-token': token } }),
          400,
          'INVALID_TOKEN',
        )
      }
      const { token } = await (await open()).json()
      const foreign = btoa(atob(token).replace('00aa', '00bb')).replaceAll('=', '')
      await problem(
        surface.call('/queries/counts', { headers: { 'consistency-token': foreign } }),
        409,
        'TOKEN_OF_ANOTHER_HISTORY',
      )
      await problem(
        surface.call('/queries/counts', {
          headers: {
            'consistency-token': Array(65)
              .fill(token)
              .map((t, i) => t + i)
              .join(','),
          },
        }),
        400,
        'HEADER_INVALID',
      )
    })

    test('takes several tokens', async () => {
      const first = (await (await open()).json()).token
      const second = (
        await (await surface.call('/commands/addComment', post({ ticketId, text: 'x' }))).json()
      ).token
      const response = await surface.call(
        '/queries/ticket',
        post({ ticketId }, { ...ann, 'consistency-token': `${first}, ${second}` }),
      )
      expect(await response.json()).toMatchObject({ meta: { position: '2', stale: false } })
    })

    test.each(['%', '%7B', '%FF', '%7B%22a%22%3A1', '1&input=2', '%22%5Cud800%22'])(
      'refuses the address input %s with 4xx',
      async (input) => {
        const response = await surface.call(`/queries/counts?input=${input}`)
        expect(response.status).toBeGreaterThanOrEqual(400)
        expect(response.status).toBeLessThan(500)
        expect(response.headers.get('content-type')).toBe('application/problem+json')
      },
    )

    test('of another name is 404', async () => {
      await problem(surface.call('/queries/tickets', post({})), 404, 'QUERY_UNKNOWN')
      await problem(surface.call('/queries/hasOwnProperty', post({})), 404, 'QUERY_UNKNOWN')
    })
  })
})
