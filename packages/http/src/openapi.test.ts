import { expect, test } from 'vitest'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import { ticketApp } from '../../../test/support/ticket-app.ts'
import { checkOpenApi, runExamples } from '../test/openapi-checks.ts'
import { surfaces } from '../test/surfaces.ts'
import { openApiDocument } from './openapi.ts'

type Part = Record<string, unknown>

// As it is on the wire: no object of it is shared.
const document = JSON.parse(JSON.stringify(openApiDocument(ticketApp))) as Part

function at(from: unknown, ...path: readonly (string | number)[]): Part {
  return path.reduce((found: unknown, key) => (found as Part)[key], from) as Part
}

const response = (command: string, status: number): Part =>
  at(
    document,
    'paths',
    `/commands/${command}`,
    'post',
    'responses',
    status,
    'content',
    'application/problem+json',
    'schema',
  )

const codes = (schema: Part): unknown[] =>
  (schema.oneOf as Part[]).map((one) => at(one, 'properties', 'code').const)

test('the document is well-formed OpenAPI 3.1', () => {
  expect(checkOpenApi(document)).toEqual([])
})

test('the check of the document finds what is wrong', () => {
  const broken = structuredClone(document)
  at(broken, 'paths', '/commands/openTicket', 'post').operationId = 'addComment'
  delete at(broken, 'paths', '/queries/ticket', 'get', 'responses', '200').description
  at(
    broken,
    'paths',
    '/queries/ticket',
    'post',
    'requestBody',
    'content',
    'application/json',
  ).schema = { $ref: '#/components/schemas/Nothing' }
  at(broken, 'paths', '/queries/counts', 'post').parameters = [{ name: 'x', in: 'nowhere' }]
  expect(checkOpenApi(broken)).toHaveLength(4)
})

test('every command and query is in it, but not what only the system sends', () => {
  expect(Object.keys(at(document, 'paths'))).toEqual([
    '/commands/openTicket',
    '/commands/addComment',
    '/commands/closeTicket',
    '/queries/ticket',
    '/queries/counts',
    '/commands/{commandId}',
    '/live',
    '/status',
    '/livez',
    '/readyz',
    '/metrics',
  ])
})

test('each rejection is a response schema of its own, with its code as a constant and its data', () => {
  const rude = at(response('openTicket', 422), 'oneOf', 0)
  expect(rude).toMatchObject({
    properties: { code: { const: 'TITLE_RUDE' }, word: { type: 'string' }, status: { const: 422 } },
    required: ['word'],
  })
  expect(codes(response('openTicket', 409))).toContain('AGGREGATE_EXISTS')
  expect(codes(response('addComment', 409))).toContain('TICKET_CLOSED')
  expect(at(response('addComment', 404)).properties).toMatchObject({ code: { const: 'NOT_FOUND' } })
  expect(
    at(response('addComment', 422), 'oneOf', 0, 'properties', 'data', 'properties', 'data'),
  ).toMatchObject({ type: 'integer' })
})

test('it says how each address answers besides, and with which headers', () => {
  const responses = (path: string, method = 'get'): Part =>
    at(document, 'paths', path, method, 'responses')
  const status = responses('/commands/{commandId}')
  expect(Object.keys(status)).toEqual(['200', '304', '401', '403', '404', '405', '503'])
  for (const code of [200, 304]) {
    expect(Object.keys(at(status, code, 'headers'))).toEqual(['ETag', 'Retry-After'])
  }
  expect(Object.keys(at(status, 405, 'headers'))).toEqual(['Allow'])
  expect(Object.keys(responses('/live'))).toEqual(
    expect.arrayContaining(['400', '401', '404', '405', '503']),
  )
  expect(Object.keys(at(responses('/commands/openTicket', 'post'), 409, 'headers'))).toEqual([
    'Retry-After',
  ])
  const malformed = (method: string): string =>
    JSON.stringify(at(responses('/queries/ticket', method), 400))
  expect(malformed('get')).toContain('PARAMETER_INVALID')
  expect(malformed('post')).not.toContain('PARAMETER_INVALID')
})

test('inputs say that other fields are refused, wherever an object stands', () => {
  const schema = at(
    document,
    'paths',
    '/commands/openTicket',
    'post',
    'requestBody',
    'content',
    'application/json',
    'schema',
  )
  expect(schema).toMatchObject({ additionalProperties: false, required: ['ticketId', 'title'] })
  expect(at(schema, 'properties', 'labels', 'items').additionalProperties).toBe(false)
})

test.each(Object.entries(surfaces))(
  'the examples work in the order in which they stand, over %s',
  async (_, make) => {
    const surface = await make(new MemoryEngine(ticketApp))
    const served = await surface.call('/openapi.json')
    expect([served.status, served.headers.get('content-type')]).toEqual([200, 'application/json'])
    const again = await surface.call('/openapi.json', {
      headers: { 'if-none-match': served.headers.get('etag')! },
    })
    expect(again.status).toBe(304)
    const answers = await runExamples((await served.json()) as Part, surface.call)
    expect(answers.map(({ operation, status }) => `${operation} ${status}`)).toEqual([
      'openTicket 200',
      'addComment 200',
      'closeTicket 200',
      'ticket 200',
      'ticketByAddress 200',
      'counts 200',
      'countsByAddress 200',
    ])
    expect(answers[3]!.body).toMatchObject({
      data: { title: 'Broken lamp', open: false, comments: ['It flickers'] },
      meta: { stale: false },
    })
    await surface.close()
  },
)
