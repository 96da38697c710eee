import { Hono } from 'hono'
import type { Engine } from 'tailrace/adapter'
import type { Inbound, Reply } from './exchange.ts'
import { fetchInbound } from './fetch-inbound.ts'
import { problemOf } from './failure.ts'
import { createHandler, type Handler, type HandlerOptions } from './handler.ts'
import { liveEndpoint, type Live, type LiveOptions } from './live-endpoint.ts'
import { problemReply } from './problem.ts'

export interface FetchHandlerOptions extends HandlerOptions, LiveOptions {
  /** The address of the peer, where the server knows it. Demo identities need it. */
  readonly peer?: (request: Request, env: unknown) => string | undefined
}

export type FetchHandler = (request: Request, env?: unknown) => Promise<Response>

/** The whole surface as a Fetch handler: testable in process, mountable in any server that speaks Fetch. */
export function fetchHandler(engine: Engine, options: FetchHandlerOptions = {}): FetchHandler {
  const app = fetchApp(createHandler(engine, options), createLive(engine, options), options)
  return async (request, env) => app.fetch(request, env as object)
}

export function createLive(engine: Engine, options: FetchHandlerOptions): Live {
  return liveEndpoint({ engine, identity: options.identity ?? (() => undefined) }, options)
}

/** The Hono application behind `fetchHandler`; a server adds its own routes (static files) to it. */
export function fetchApp(
  handler: Handler,
  live: Live,
  { peer, onFailure }: Pick<FetchHandlerOptions, 'peer' | 'onFailure'>,
): Hono {
  const app = new Hono()
  app.use(async (context, next) => {
    const request = fetchInbound(context.req.raw, peer?.(context.req.raw, context.env))
    const reply = handler.kept(request) ?? (await handler.answer(request))
    if (reply !== undefined) return responseOf(reply, request.method)
    return request.path === '/live' ? liveResponse(live, request, onFailure) : next()
  })
  app.notFound((context) => responseOf(notFound(context.req.path), context.req.method))
  return app
}

async function liveResponse(
  live: Live,
  request: Inbound,
  onFailure: FetchHandlerOptions['onFailure'],
): Promise<Response> {
  if (request.method !== 'GET') {
    return responseOf(
      problemReply('METHOD_NOT_ALLOWED', `expected GET, got ${request.method}`, {
        headers: { allow: 'GET' },
      }),
    )
  }
  try {
    const headers = {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    }
    return new Response(await live.open(request), { headers })
  } catch (error) {
    return responseOf(problemOf(error, request, onFailure))
  }
}

export function responseOf(reply: Reply, method = 'GET'): Response {
  const body = method === 'HEAD' ? null : (reply.body ?? null)
  return new Response(body, {
    status: reply.status,
    headers: { ...reply.headers, 'x-content-type-options': 'nosniff' },
  })
}

export function notFound(path: string): Reply {
  return problemReply(
    'ROUTE_UNKNOWN',
    `expected a path that /openapi.json lists, got ${path.slice(0, 200)}`,
  )
}
