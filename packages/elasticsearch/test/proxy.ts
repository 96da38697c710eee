import { once } from 'node:events'
import { createServer, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What stands between a client and its engine, and what a test makes it do. */
export interface Proxy {
  readonly url: string
  /** Milliseconds before each request goes on. */
  delayMs: number
  /** Credentials that are demanded: `name:password`. */
  demands: string | undefined
  /** Answers instead of the engine. */
  answers: { readonly status: number; readonly body: string } | undefined
  /** Lets `before` more requests pass, and holds back the one after them until `release` is called. */
  late(before: number): LateRequest
  close(): Promise<void>
}

/** A request that a network brings late. */
export interface LateRequest {
  /** Resolves with its line when it has come and is held. */
  readonly caught: Promise<string>
  release(): void
}

export async function startProxy(target: string): Promise<Proxy> {
  let hold: ((line: string) => Promise<void> | undefined) | undefined
  const server = createServer(async (incoming, outgoing) => {
    await hold?.(`${incoming.method} ${incoming.url}`)
    if (proxy.delayMs > 0) await sleep(proxy.delayMs)
    if (proxy.answers !== undefined) return say(outgoing, proxy.answers.status, proxy.answers.body)
    const wanted = proxy.demands && `Basic ${Buffer.from(proxy.demands).toString('base64')}`
    if (wanted !== undefined && incoming.headers.authorization !== wanted)
      return say(outgoing, 401, '{"error":"Unauthorized","status":401}')
    const onward = request(
      `${target}${incoming.url}`,
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(outgoing)
      },
    )
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: Proxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    delayMs: 0,
    demands: undefined,
    answers: undefined,
    late(before) {
      const [caught, released] = [Promise.withResolvers<string>(), Promise.withResolvers<void>()]
      hold = (line) => {
        if (before-- > 0) return undefined
        hold = undefined
        caught.resolve(line)
        return released.promise
      }
      return { caught: caught.promise, release: released.resolve }
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}

function say(outgoing: ServerResponse, status: number, body: string): void {
  outgoing.writeHead(status, { 'content-type': 'application/json' })
  outgoing.end(body)
}
