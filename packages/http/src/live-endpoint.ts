import { nearest, type Engine } from 'tailrace/adapter'
import { actorOf, admit, declared, type EndpointContext } from './endpoint-context.ts'
import type { Inbound } from './exchange.ts'
import { LiveFeed, type LiveFeedOptions } from './live-feed.ts'
import { ProblemError } from './problem.ts'

export interface LiveOptions extends Partial<LiveFeedOptions> {
  /** Connections at once; more are answered with 503. Default: 1,000. */
  readonly liveClientsMax?: number
}

export interface Live {
  /** `GET /live?queries=a,b`, or `?queries=a&queries=b`: a stream of server-sent events. Throws a `ProblemError` before the stream begins. */
  open(request: Inbound): Promise<ReadableStream<Uint8Array>>
  /** Connections that are open now. */
  readonly clients: number
  /** Ends every connection. */
  close(): void
}

/** The live endpoint: one feed of checkpoint advances, shared by all its connections. */
export function liveEndpoint(
  context: Pick<EndpointContext, 'engine' | 'identity'>,
  options: LiveOptions,
): Live {
  const feed = new LiveFeed(context.engine, {
    heartbeatMs: options.heartbeatMs ?? 15_000,
    liveMaxAgeMs: options.liveMaxAgeMs ?? 60 * 60_000,
  })
  const clientsMax = options.liveClientsMax ?? 1_000
  return {
    get clients() {
      return feed.size
    },
    close: () => feed.close(),
    async open(request) {
      const actor = await actorOf(context, request)
      const watched = new Map<string, string[]>()
      for (const name of namesOf(request, context.engine)) {
        const query = context.engine.app.queries[name]!
        admit(query.may, actor, `query "${name}"`)
        for (const { name: projection } of Object.values(query.reads)) {
          watched.set(projection, [...(watched.get(projection) ?? []), name])
        }
      }
      const after = resumeAfter(request)
      if (feed.size >= clientsMax)
        throw new ProblemError(
          'OVERLOADED',
          `${clientsMax} live connections are open; retry later`,
          { retryAfterSeconds: 5 },
        )
      return feed.connect(watched, after, request.signal())
    },
  }
}

function namesOf(request: Inbound, engine: Engine): string[] {
  const { queries } = engine.app
  const asked = new URLSearchParams(request.search).getAll('queries').filter((list) => list !== '')
  if (asked.length === 0)
    return Object.values(queries)
      .filter((query) => query.may !== 'system')
      .map((query) => query.name)
  const names = [...new Set(asked.flatMap((list) => list.split(',')).map((name) => name.trim()))]
  for (const name of names) {
    if (declared(queries, name) !== undefined) continue
    const shown = name.slice(0, 80)
    throw new ProblemError(
      'QUERY_UNKNOWN',
      `expected names of queries, got "${shown}"${nearest(shown, Object.keys(queries))}`,
    )
  }
  return names
}

function resumeAfter(request: Inbound): bigint | undefined {
  const id = request.header('last-event-id')
  if (id === undefined || id === '') return undefined
  if (/^\d{1,19}$/.test(id)) return BigInt(id)
  throw new ProblemError(
    'HEADER_INVALID',
    'expected Last-Event-ID to be a position as /live sent it',
  )
}
