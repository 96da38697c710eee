import type { Actor } from 'tailrace'
import { nearest, type Engine } from 'tailrace/adapter'
import { actorOf, admit, declared, type EndpointContext } from './endpoint-context.ts'
import type { Inbound } from './exchange.ts'
import { LiveFeed, type LiveFeedOptions } from './live-feed.ts'
import { mayAskSome } from './may-ask.ts'
import { ProblemError } from './problem.ts'

export interface LiveOptions extends Partial<LiveFeedOptions> {
  /** Connections at once; more are answered with 503. Default: 1,000. */
  readonly liveClientsMax?: number
}

export interface Live {
  /**
   * `GET /live?queries=a,b`, or `?queries=a&queries=b`: a stream of server-sent events. Without names: of all queries that
   * the caller may ask. Throws a `ProblemError` before the stream begins.
   */
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
      for (const name of namesFor(actor, request, context.engine)) {
        const query = context.engine.app.queries[name]!
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

/** The queries to follow: those that are named, or all that the actor may ask. */
function namesFor(actor: Actor | undefined, request: Inbound, engine: Engine): string[] {
  const { queries } = engine.app
  const asked = new URLSearchParams(request.search).getAll('queries').filter((list) => list !== '')
  const named = asked.length > 0
  const names = named
    ? namesIn(asked, engine)
    : Object.keys(queries).filter((name) => queries[name]!.may !== 'system')
  for (const name of names) admit(queries[name]!.may, actor, `query "${name}"`)
  const may = (name: string): boolean => actor === undefined || mayAskSome(queries[name]!, actor)
  const allowed = names.filter(may)
  if (named && allowed.length < names.length)
    throw notAllowed(`query "${names.find((name) => !may(name))}"`)
  if (allowed.length === 0) throw notAllowed('one of the queries')
  return allowed
}

function namesIn(lists: readonly string[], { app: { queries } }: Engine): string[] {
  const names = [...new Set(lists.flatMap((list) => list.split(',')).map((name) => name.trim()))]
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

function notAllowed(what: string): ProblemError {
  return new ProblemError('NOT_ALLOWED', `expected an actor who may ask ${what}`)
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
