import { fetchHandler, http, identityFromEnv, type HttpOptions } from '@tailrace/http'
import type { Engine } from 'tailrace/adapter'

export interface TestSurface {
  readonly call: (path: string, init?: RequestInit) => Promise<Response>
  close(): Promise<void>
}

/** The two ways into the endpoints: Fetch in process, and `node:http`. Tests of meaning run against both. */
export const surfaces: Readonly<
  Record<string, (engine: Engine, options?: HttpOptions) => Promise<TestSurface>>
> = {
  fetch: async (engine, options = {}) => {
    const identity = options.identity ?? identityFromEnv(options.env ?? {}, '127.0.0.1')
    const handler = fetchHandler(engine, { ...options, identity, peer: () => '127.0.0.1' })
    return {
      call: (path, init) => handler(new Request(`http://127.0.0.1${path}`, init)),
      close: async () => {},
    }
  },
  'node:http': async (engine, options = {}) => {
    const { url, close } = await http({ port: 0, env: {}, ...options }).start(engine)
    return { call: (path, init) => fetch(url + path, init), close }
  },
}

export const ann = { authorization: 'Bearer demo:customer:ann' }
export const sue = { authorization: 'Bearer demo:support:sue' }

export function post(input: unknown, headers: Record<string, string> = ann): RequestInit {
  const body = typeof input === 'string' ? input : JSON.stringify(input)
  return { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body }
}
