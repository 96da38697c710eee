import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { TailraceError, type Engine } from 'tailrace/adapter'
import type { DemoIdentityOptions } from './demo-identity.ts'
import { createLive, fetchApp, type FetchHandlerOptions } from './fetch-handler.ts'
import { createHandler, type Handler } from './handler.ts'
import { identityFromEnv, type AuthEnv } from './identity-from-env.ts'
import { nodeInbound } from './node-inbound.ts'
import { ReplyBatch } from './reply-batch.ts'
import { serveFiles } from './static-files.ts'

export interface HttpOptions extends Omit<FetchHandlerOptions, 'peer'> {
  /** 0: a free one. Default: 3000. */
  readonly port?: number
  /** Default: 127.0.0.1. */
  readonly host?: string
  /**
   * Folders of files by the path under which they stand, such as `{ '/': 'web/dist' }`; of several, the first that has
   * the file. Ours win over files. Other addresses show a browser the first folder's `index.html`.
   */
  readonly serveStatic?: Readonly<Record<string, string | readonly string[]>>
  readonly demo?: DemoIdentityOptions
  /** Where AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE are looked up. Default: the process. */
  readonly env?: AuthEnv
}

export interface Surface {
  start(engine: Engine): Promise<RunningSurface>
}

export interface RunningSurface {
  readonly url: string
  /** Takes no new requests, ends live connections, lets requests under way finish for up to 5 s. */
  close(): Promise<void>
}

/** Commands, queries, live updates and documentation over HTTP. */
export function http(options: HttpOptions = {}): Surface {
  const { port = 3000, host = '127.0.0.1' } = options
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new TailraceError(
      'CONFIG',
      `expected the port of http({ port }) to be an integer from 0 to 65535, got ${port}; see that the variable that it comes from is set`,
    )
  return {
    async start(engine) {
      const identity =
        options.identity ?? identityFromEnv(options.env ?? process.env, host, options.demo)
      const own = { ...options, identity }
      const handler = createHandler(engine, own)
      const live = createLive(engine, own)
      const app = fetchApp(handler, live, {
        ...own,
        peer: (_, env) => (env as HttpBindings | undefined)?.incoming.socket.remoteAddress,
      })
      for (const [path, folders] of Object.entries(options.serveStatic ?? {}))
        serveFiles(app, path, folders)
      const server = createServer(nodeListener(handler, getRequestListener(app.fetch)))
      // A body that trickles in holds a connection no longer than this.
      server.requestTimeout = 30_000
      // Longer than load balancers keep theirs, so that they do not send into a connection that closes.
      server.keepAliveTimeout = 65_000
      await listen(server, port, host)
      const { port: bound } = server.address() as AddressInfo
      return {
        url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
        close: () => close(server, live.close),
      }
    },
  }
}

/**
 * The listener of `node:http`. Endpoints are answered on the bare request and response, which costs about a third less
 * than going through Fetch objects; the rest (live streams, files) goes through Hono. Both run the same endpoints.
 */
export function nodeListener(handler: Handler, rest: RequestListener): RequestListener {
  const replies = new ReplyBatch()
  return async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const request = nodeInbound(incoming, outgoing)
    const reply = handler.kept(request) ?? (await handler.answer(request))
    if (reply === undefined) return void rest(incoming, outgoing)
    replies.add(reply, incoming, outgoing)
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const remedy =
        error.code === 'EADDRINUSE' ? '; stop what listens there or choose another port' : ''
      reject(
        new TailraceError(
          'CONFIG',
          `expected to listen on ${host}:${port}, got ${error.message}${remedy}`,
          { cause: error },
        ),
      )
    })
    server.listen(port, host, () => resolve())
  })
}

const closeWaitMs = 5_000
const idleCheckMs = 50

async function close(server: Server, endLive: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  endLive()
  server.closeIdleConnections()
  // A connection whose last request is answered now is kept alive by its client, and would hold us up.
  const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs)
  const timer = setTimeout(() => server.closeAllConnections(), closeWaitMs)
  await closed
  clearInterval(idle)
  clearTimeout(timer)
}
