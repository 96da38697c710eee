import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TailraceError } from 'tailrace/adapter'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import { ticketApp } from '../../../test/support/ticket-app.ts'
import { problem } from '../test/problem.ts'
import { ann, post, sue, surfaces, type TestSurface } from '../test/surfaces.ts'
import type { Failure } from './failure.ts'

let engine: MemoryEngine
let surface: TestSurface
let ticketId: string

const open = (headers: Record<string, string> = {}, title = 'Lamp'): Promise<Response> =>
  surface.call('/commands/openTicket', post({ ticketId, title }, { ...ann, ...headers }))

const commentAt = (version: string): Promise<Response> =>
  surface.call(
    '/commands/addComment',
    post({ ticketId, text: 'x' }, { ...ann, 'if-match': version }),
  )

describe.each(Object.entries(surfaces))('endpoints over %s', (_, make) => {
  beforeEach(async () => {
    engine = new MemoryEngine(ticketApp)
    surface = await make(engine, { inFlightMax: 3, metrics: () => 'up 1\n' })
    ticketId = randomUUID()
  })
  afterEach(() => surface.close())

  describe('a command', () => {
    test('answers with its id, aggregate, version and token', async () => {
      const response = await open()
      const body = await response.json()
      expect(response.status).toBe(200)
      expect(body).toEqual({
        commandId: expect.any(String),
        aggregateId: ticketId,
        version: 1,
        token: expect.any(String),
      })
      expect(response.headers.get('consistency-token')).toBe(body.token)
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    })

    test('replays the stored answer for the same key, and says so', async () => {
      const first = await open({ 'idempotency-key': 'k-1' })
      const again = await open({ 'idempotency-key': 'k-1' })
      expect(first.headers.get('idempotency-replayed')).toBeNull()
      expect(again.headers.get('idempotency-replayed')).toBe('true')
      expect(await again.text()).toBe(await first.text())
      expect(engine.log).toHaveLength(1)
    })

    test('replays a rejection with the same status and body', async () => {
      const headers = { 'idempotency-key': 'k-2' }
      const first = await open(headers, 'damn lamp')
      const again = await open(
        { ...headers, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
        'damn lamp',
      )
      expect([first.status, again.status]).toEqual([422, 422])
      expect(again.headers.get('idempotency-replayed')).toBe('true')
      expect(await again.text()).toBe(await first.text())
    })

    test('refuses another input under the same key', async () => {
      await open({ 'idempotency-key': 'k-1' })
      await problem(open({ 'idempotency-key': 'k-1' }, 'Other'), 422, 'IDEMPOTENCY_KEY_REUSED')
    })

    test.each(['', ' ', 'a b', 'x'.repeat(256), 'tab\tkey'])(
      'refuses the idempotency key %j',
      async (key) => {
        // HTTP trims blanks around values, so an all-blank key arrives empty.
        await problem(open({ 'idempotency-key': key }), 400, 'HEADER_INVALID')
      },
    )

    test('takes an idempotency key of 255 characters', async () => {
      expect((await open({ 'idempotency-key': '~'.repeat(255) })).status).toBe(200)
    })

    test('refuses another version than If-Match names, and says which there is', async () => {
      await open()
      const body = await problem(commentAt('"7"'), 412, 'VERSION_CONFLICT')
      expect(body.current).toBe(1)
      expect((await commentAt('"1"')).status).toBe(200)
      for (const bad of ['1', '', '"1', '"1" "2"', '"1",', '*, "1"', 'w/"1"'])
        await problem(commentAt(bad), 400, 'HEADER_INVALID')
    })

    test('takes If-Match as HTTP has it: a list, any version, and no weak or other tags', async () => {
      await problem(open({ 'if-match': '*' }), 412, 'VERSION_CONFLICT')
      await open()
      expect((await commentAt('*')).status).toBe(200)
      expect((await commentAt(' "7" ,"2"')).status).toBe(200)
      for (const other of ['W/"3"', '"03"', '"3.0"', '"x"', '"1", "2"', '"99999999999999999999"'])
        await problem(commentAt(other), 412, 'VERSION_CONFLICT')
      expect((await commentAt('"3"')).status).toBe(200)
    })

    test('answers a broken rule with 422 and its data as members', async () => {
      const body = await problem(open({}, 'damn'), 422, 'TITLE_RUDE')
      expect(body).toMatchObject({
        word: 'damn',
        title: 'Title rude',
        commandId: expect.any(String),
      })
    })

    test('puts data under "data" when a member would hide one of the problem', async () => {
      await open()
      for (let n = 0; n < 20; n++)
        await surface.call('/commands/addComment', post({ ticketId, text: `${n}` }))
      const body = await problem(
        surface.call('/commands/addComment', post({ ticketId, text: 'x' })),
        422,
        'TOO_MANY',
      )
      expect(body.data).toEqual({ data: 20 })
    })

    test('answers a conflict with the state with 409', async () => {
      await open()
      await surface.call('/commands/closeTicket', post({ ticketId }, sue))
      await problem(
        surface.call('/commands/addComment', post({ ticketId, text: 'x' })),
        409,
        'TICKET_CLOSED',
      )
      await problem(open(), 409, 'AGGREGATE_EXISTS')
    })

    test('answers 404 for an aggregate that does not exist', async () => {
      await problem(
        surface.call('/commands/addComment', post({ ticketId, text: 'x' })),
        404,
        'NOT_FOUND',
      )
    })

    test('names the places of an invalid input', async () => {
      const body = await problem(
        surface.call('/commands/openTicket', post({ ticketId: 'no', title: '' })),
        422,
        'INPUT_INVALID',
      )
      expect(body.errors.map(({ pointer }) => pointer)).toEqual(['/ticketId', '/title'])
    })

    test('refuses fields that the input does not have, wherever they stand', async () => {
      const input = {
        ticketId,
        title: 'x',
        prioritty: 1,
        labels: [{ name: 'a' }, { name: 'b', colour: 'red' }],
      }
      const body = await problem(
        surface.call('/commands/openTicket', post(input)),
        422,
        'INPUT_INVALID',
      )
      expect(body.errors.map(({ pointer }) => pointer).toSorted()).toEqual([
        '/labels/1/colour',
        '/prioritty',
      ])
      expect(engine.log).toHaveLength(0)
    })

    test('needs an identity before it reads the body', async () => {
      const body = await problem(
        surface.call('/commands/openTicket', post('{broken', {})),
        401,
        'NOT_AUTHENTICATED',
      )
      expect(body.headers.get('www-authenticate')).toBe('Bearer')
    })

    test('refuses an identity that may not', async () => {
      await open()
      await problem(surface.call('/commands/closeTicket', post({ ticketId })), 403, 'NOT_ALLOWED')
    })

    test('of the system itself cannot be sent from outside', async () => {
      await open()
      await problem(
        surface.call('/commands/expireTicket', post({ ticketId }, sue)),
        403,
        'NOT_ALLOWED',
      )
    })

    test.each([
      'demo:system:x',
      'demo:admin:x',
      'demo:customer:',
      'demo:customer',
      'x',
      'demo:customer:a b',
    ])('refuses the identity %s', async (token) => {
      await problem(open({ authorization: `Bearer ${token}` }), 401, 'NOT_AUTHENTICATED')
    })

    test('passes a valid traceparent on, and ignores others', async () => {
      const valid = `00-${'4bf92f3577b34da6'.repeat(2)}-00f067aa0ba902b7-01`
      await open({ traceparent: valid })
      expect(engine.log[0]!.traceparent).toBe(valid)
      ticketId = randomUUID()
      await open({ traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` })
      expect(engine.log[1]!.traceparent).toBeUndefined()
    })

    test('of another name is 404 and suggests the nearest', async () => {
      const body = await problem(
        surface.call('/commands/openTiket', post({})),
        404,
        'COMMAND_UNKNOWN',
      )
      expect(body.detail).toContain('did you mean "openTicket"?')
      for (const name of ['constructor', '__proto__', 'toString'])
        await problem(surface.call(`/commands/${name}`, post({})), 404, 'COMMAND_UNKNOWN')
    })

    test('is answered with 503 and Retry-After while the write database is gone', async () => {
      engine.breakDown()
      const body = await problem(open(), 503, 'UNAVAILABLE')
      expect(body.headers.get('retry-after')).toBe('1')
      expect(body.traceId).toMatch(/^[0-9a-f]{32}$/)
      const probed = await problem(surface.call('/readyz'), 503, 'UNAVAILABLE')
      expect(probed.detail).toContain('the write database')
      expect((await surface.call('/livez')).status).toBe(200)
    })

    test.each([
      ['UNAVAILABLE', 'same Idempotency-Key', 'ask again later'],
      ['COMMAND_OUTCOME_UNKNOWN', 'same Idempotency-Key', undefined],
    ] as const)(
      'repeats nothing of the driver to callers when it is %s, but to the log',
      async (code, ofCommand, ofQuery) => {
        const gone = async (): Promise<never> => {
          throw new TailraceError(
            code,
            'expected an answer, got "connect ECONNREFUSED 10.1.2.3:5432"',
            {
              retryable: true,
              details: { commandId: ticketId },
            },
          )
        }
        const told: Failure[] = []
        const broken = Object.assign(new MemoryEngine(ticketApp), { command: gone, query: gone })
        const other = await make(broken, { onFailure: (failure) => told.push(failure) })
        const body = await problem(
          other.call('/commands/openTicket', post({ ticketId, title: 'x' })),
          503,
          code,
        )
        expect(JSON.stringify(body)).not.toContain('5432')
        expect(body.detail).toContain(ofCommand)
        expect(body.commandId).toBe(ticketId)
        expect(String((told[0]!.error as Error).message)).toContain('10.1.2.3:5432')
        expect(told[0]).toMatchObject({ status: 503, traceId: body.traceId })
        if (ofQuery !== undefined) {
          const asked = await problem(other.call('/queries/counts'), 503, code)
          expect(asked.detail).toContain(ofQuery)
          expect(asked.detail).not.toContain('Key')
        }
        await other.close()
      },
    )

    test('tells its status, with an entity tag and a hint while projections lag', async () => {
      engine.hold('tickets')
      const { commandId } = await (await open()).json()
      const pending = await surface.call(`/commands/${commandId}`, { headers: ann })
      expect(await pending.json()).toMatchObject({
        state: 'committed',
        position: '1',
        projections: { tickets: 'pending', counts: 'applied' },
      })
      expect(pending.headers.get('retry-after')).toBe('1')
      const etag = pending.headers.get('etag')!
      const same = await surface.call(`/commands/${commandId}`, {
        headers: { ...ann, 'if-none-match': etag },
      })
      expect(same.status).toBe(304)
      engine.release('tickets')
      const done = await surface.call(`/commands/${commandId}`, {
        headers: { ...ann, 'if-none-match': etag },
      })
      expect(await done.json()).toMatchObject({ projections: { tickets: 'applied' } })
      expect(done.headers.get('retry-after')).toBeNull()
    })

    test('tells its status without what only its sender may know', async () => {
      const { commandId } = await (await open()).json()
      const committed = await surface.call(`/commands/${commandId}`, { headers: sue })
      expect(await committed.json()).toEqual({
        commandId,
        name: 'openTicket',
        state: 'committed',
        position: '1',
        version: 1,
        projections: { tickets: 'applied', counts: 'applied' },
      })
      ticketId = randomUUID()
      const rejected = await problem(open({}, 'damn lamp'), 422, 'TITLE_RUDE')
      const told = await surface.call(`/commands/${rejected.commandId as string}`, { headers: sue })
      expect(await told.json()).toEqual({
        commandId: rejected.commandId,
        name: 'openTicket',
        state: 'rejected',
        rejection: { code: 'TITLE_RUDE', title: 'Title rude' },
        projections: {},
      })
    })

    test('that nobody sent has no status', async () => {
      await problem(
        surface.call(`/commands/${randomUUID()}`, { headers: ann }),
        404,
        'COMMAND_UNKNOWN',
      )
      await problem(surface.call(`/commands/${randomUUID()}`), 401, 'NOT_AUTHENTICATED')
    })

    test('is refused at the door when too many are under way; waiting queries keep no command out', async () => {
      engine.hold('tickets')
      const { token } = await (await open()).json()
      const wait = (): Promise<Response> =>
        surface.call(
          '/queries/ticket',
          post({ ticketId }, { ...ann, 'consistency-token': token, prefer: 'wait=5' }),
        )
      const waiting = [wait(), wait(), wait()]
      await expect.poll(() => engine.waiting).toBe(3)
      const body = await problem(wait(), 503, 'OVERLOADED')
      expect(body.detail).toContain('ask again later')
      expect(body.detail).not.toContain('key')
      expect(Number(body.headers.get('retry-after'))).toBeGreaterThan(0)
      ticketId = randomUUID()
      expect((await open()).status).toBe(200)
      engine.release('tickets')
      for (const response of await Promise.all(waiting)) expect(response.status).toBe(200)
      expect((await surface.call('/queries/counts')).status).toBe(200)
    })
  })

  test('methods that are not served are 405 with Allow', async () => {
    const cases = [
      ['PUT', '/commands/openTicket', 'POST'],
      ['POST', `/commands/${randomUUID()}`, 'GET, HEAD'],
      ['DELETE', '/queries/ticket', 'GET, HEAD, POST'],
      ['POST', '/openapi.json', 'GET, HEAD'],
      ['POST', '/live', 'GET'],
      ['GET', '/commands/openTicket', 'POST'],
    ] as const
    for (const [method, path, allow] of cases) {
      const body = await problem(
        surface.call(path, { method, headers: ann }),
        405,
        'METHOD_NOT_ALLOWED',
      )
      expect(body.headers.get('allow')).toBe(allow)
    }
  })

  test.each(['GET', 'PUT', 'DELETE'])('%s of a name that is not known is 404', async (method) => {
    const init = { method, headers: ann }
    await problem(surface.call('/commands/nope', init), 404, 'COMMAND_UNKNOWN')
    await problem(surface.call('/queries/nope', init), 404, 'QUERY_UNKNOWN')
  })

  test.each([
    '/',
    '/nothing',
    '/commands',
    '/commands/',
    '/commands/a/b',
    '/queries//',
    '/commands/%',
    '/%00',
    '//x',
  ])('%s is 404', async (path) => {
    await problem(surface.call(path), 404, 'ROUTE_UNKNOWN')
  })

  test('status, metrics and health are there for everybody; errors and owners only for somebody', async () => {
    const nobody = await (await surface.call('/status')).json()
    expect(nobody).toMatchObject({
      head: { position: '0' },
      projections: { tickets: { state: 'live', position: '0' } },
      reactors: { mailer: { state: 'live', givenUp: 1 } },
    })
    expect(JSON.stringify(nobody)).not.toMatch(/secret address|owners/)
    expect(JSON.stringify(nobody)).not.toContain('secret row')
    expect(JSON.stringify(await (await surface.call('/status', { headers: sue })).json())).toMatch(
      /secret row.*secret address/,
    )
    expect(await (await surface.call('/metrics')).text()).toBe('up 1\n')
    expect((await surface.call('/readyz')).status).toBe(200)
  })

  test('metrics tell how many answers of each status went out', async () => {
    const other = await make(new MemoryEngine(ticketApp))
    await other.call('/livez')
    await other.call('/livez')
    await other.call('/commands/nope', post({}))
    const text = await (await other.call('/metrics')).text()
    expect(text).toMatch(/^cqrs_log_head_position 0$/m)
    expect(text).toMatch(/^cqrs_http_responses_total\{status="200"\} 2$/m)
    expect(text).toMatch(/^cqrs_http_responses_total\{status="404"\} 1$/m)
    expect(text.match(/^cqrs_http/gm)).toHaveLength(2)
    await other.close()
  })

  test('what breaks inside is 500 with a trace id and none of its text', async () => {
    const failures: unknown[] = []
    const broken = Object.assign(new MemoryEngine(ticketApp), {
      query: async () => {
        throw new Error('password of the database: hunter2')
      },
    })
    const other = await make(broken, { onFailure: (failure) => failures.push(failure) })
    const body = await problem(other.call('/queries/counts'), 500, 'INTERNAL')
    expect(JSON.stringify(body)).not.toContain('hunter2')
    expect(failures).toEqual([
      expect.objectContaining({ traceId: body.traceId, path: '/queries/counts' }),
    ])
    await other.close()
  })
})
