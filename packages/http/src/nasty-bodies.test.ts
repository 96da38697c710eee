import { describe, expect, test } from 'vitest'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import { ticketApp } from '../../../test/support/ticket-app.ts'
import { nastyBodies } from '../test/nasty-bodies.ts'
import { ann, post, surfaces } from '../test/surfaces.ts'

const json = { 'content-type': 'application/json', ...ann }

interface Answered {
  readonly name: string
  readonly status: number
  readonly code?: string
}

describe.each(Object.entries(surfaces))('over %s', (_, make) => {
  test('no body is answered with 5xx, and each refusal is a problem that names a place', async () => {
    const engine = new MemoryEngine(ticketApp)
    const failures: unknown[] = []
    const surface = await make(engine, { onFailure: ({ error }) => failures.push(error) })
    const bad: Answered[] = []
    for (const { name, body } of nastyBodies) {
      for (const path of ['/commands/openTicket', '/queries/ticket']) {
        const response = await surface.call(path, { method: 'POST', headers: json, body })
        const answer = await response.json()
        const fits =
          response.status === 200 ||
          (response.status >= 400 &&
            response.status < 500 &&
            response.headers.get('content-type') === 'application/problem+json' &&
            answer.status === response.status &&
            // What is wrong with the input says where; that a thing exists already does not.
            (response.status === 409 ||
              (answer.errors.length > 0 &&
                answer.errors.every(
                  ({ pointer }: { pointer: unknown }) => typeof pointer === 'string',
                ))))
        if (!fits) bad.push({ name: `${path} ${name}`, status: response.status, code: answer.code })
      }
    }
    expect(bad).toEqual([])
    expect(failures).toEqual([])
    expect(nastyBodies.length).toBeGreaterThan(900)
    // It still works, and nobody became anything.
    expect((await surface.call('/queries/counts')).status).toBe(200)
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
    await surface.close()
  })

  test('bodies of other types are 415', async () => {
    const surface = await make(new MemoryEngine(ticketApp))
    const types = [
      'text/plain',
      'text/json',
      'application/xml',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/json; charset=latin1',
      'application/json, text/plain',
      'application/jsonp',
      'json',
      ';',
      'application/',
    ]
    for (const type of types) {
      const response = await surface.call(
        '/commands/openTicket',
        post('{}', { ...ann, 'content-type': type }),
      )
      expect([type, response.status]).toEqual([type, 415])
    }
    for (const type of [
      'application/json; charset=utf-8',
      'APPLICATION/JSON',
      'application/vnd.x+json',
      'application/json;charset="UTF-8"',
    ]) {
      const response = await surface.call(
        '/commands/openTicket',
        post('{}', { ...ann, 'content-type': type }),
      )
      expect([type, response.status]).toEqual([type, 422])
    }
    const compressed = await surface.call(
      '/commands/openTicket',
      post('{}', { ...ann, 'content-encoding': 'gzip' }),
    )
    expect(compressed.status).toBe(415)
    await surface.close()
  })

  test('a body beyond the limit is 413, whether it says its length or not', async () => {
    const surface = await make(new MemoryEngine(ticketApp), { bodyLimitBytes: 1_000 })
    const long = JSON.stringify({ title: 'x'.repeat(1_000) })
    const stream = (): ReadableStream => new Blob([long]).stream()
    const said = await surface.call('/commands/openTicket', post(long))
    const unsaid = await surface.call('/commands/openTicket', {
      method: 'POST',
      headers: json,
      body: stream(),
      duplex: 'half',
    } as RequestInit)
    expect([said.status, unsaid.status]).toEqual([413, 413])
    expect((await said.json()).detail).toContain('1000 bytes')
    const fits = await surface.call('/commands/openTicket', post({ title: 'x'.repeat(900) }))
    expect(fits.status).toBe(422)
    await surface.close()
  })
})

test('a body that is taken is taken exactly as it is', async () => {
  const taken = new Map<string, unknown>()
  for (const { name, body } of nastyBodies) {
    const engine = new MemoryEngine(ticketApp)
    const surface = await surfaces.fetch!(engine)
    const response = await surface.call('/commands/openTicket', {
      method: 'POST',
      headers: json,
      body,
    })
    if (response.status === 200) taken.set(name, [body, engine.log[0]!.data])
  }
  for (const [body, data] of taken.values() as Iterable<[string, { title: string }]>) {
    expect(data.title).toBe((JSON.parse(body) as { title: string }).title)
  }
  // The corpus is not refused as a whole for some other reason.
  expect(taken.size).toBeGreaterThan(20)
}, 60_000)
