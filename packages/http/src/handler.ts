import { isTailraceError, type Engine } from 'tailrace/adapter'
import { AnswerCache } from './answer-cache.ts'
import { commandEndpoint, unknownCommand } from './command-endpoint.ts'
import { commandStatusEndpoint, isCommandId } from './command-status-endpoint.ts'
import type { EndpointContext } from './endpoint-context.ts'
import { jsonReply, nobody, type Identity, type Inbound, type Reply } from './exchange.ts'
import { problemOf, type Failure } from './failure.ts'
import { openApiEndpoint } from './openapi-endpoint.ts'
import { methodNotAllowed, ProblemError } from './problem.ts'
import { keptByAddress, queryEndpoint, unknownQuery } from './query-endpoint.ts'
import type { JsonLimits } from './read-json.ts'
import { ResponseCounts } from './response-counts.ts'
import { statusEndpoint } from './status-endpoint.ts'

export interface HandlerOptions extends Partial<JsonLimits> {
  /** Who asks. Default: nobody is authenticated. */
  readonly identity?: Identity
  /** The text of `/metrics`. Default: the engine's, and the answers over HTTP by status. */
  readonly metrics?: () => string | Promise<string>
  /** Commands under way at once, and as many queries; more are answered with 503. Default: 1,000. */
  readonly inFlightMax?: number
  /** Told of everything that is answered with 500, and with 503 because a server is away. Default: told on stderr. */
  readonly onFailure?: (failure: Failure) => void
}

export interface Handler {
  /** Answers a request, or undefined where the path is not one of ours. Never rejects. */
  answer(request: Inbound): Promise<Reply | undefined>
  /** The answer of a moment ago, where it may serve again: at once, for servers that can write at once. */
  kept(request: Inbound): Reply | undefined
}

type Endpoint = (request: Inbound) => Promise<Reply> | Reply
type Methods = Readonly<Record<string, Endpoint>>

/** The endpoints with one meaning, whichever server carries them: all but `/live` and static files. */
export function createHandler(engine: Engine, options: HandlerOptions): Handler {
  const identity = options.identity ?? nobody
  const context: EndpointContext = {
    engine,
    identity,
    answers: new AnswerCache(engine, identity),
    bodyLimitBytes: options.bodyLimitBytes ?? 1024 * 1024,
    maxDepth: options.maxDepth ?? 64,
  }
  // Apart, so that queries that wait for a read model cannot keep commands out.
  const limitCommands = limiter(
    options.inFlightMax ?? 1_000,
    'send it again later with the same key',
  )
  const limitQueries = limiter(options.inFlightMax ?? 1_000, 'ask again later')
  const responses = new ResponseCounts()
  const metrics = options.metrics ?? (() => metricsText(engine, responses))
  const known = new Map<string, Methods>(Object.entries(fixedEndpoints(context, metrics)))
  for (const name of Object.keys(engine.app.commands))
    known.set(`/commands/${name}`, commandMethods(name))
  for (const name of Object.keys(engine.app.queries))
    known.set(`/queries/${name}`, queryMethods(name))

  function commandMethods(name: string): Methods {
    return { POST: limitCommands((request) => commandEndpoint(context, request, name)) }
  }

  function queryMethods(name: string): Methods {
    const ask = limitQueries((request) => queryEndpoint(context, request, name))
    return { GET: ask, POST: ask }
  }

  /** Undefined where the path is not one of ours. Throws a 404 problem for a name that is not known. */
  function methodsOf(path: string): Methods | undefined {
    const methods = known.get(path)
    if (methods !== undefined) return methods
    const [, kind, rest] = /^\/(commands|queries)\/([^/]+)$/.exec(path) ?? []
    const name = rest === undefined ? undefined : decoded(rest)
    if (name === undefined) return undefined
    // A name that is written in another way, percent-encoded.
    const same = known.get(`/${kind}/${name}`)
    if (same !== undefined) return same
    if (kind === 'queries') throw unknownQuery(name, Object.keys(engine.app.queries))
    if (isCommandId(name))
      return { GET: (request) => commandStatusEndpoint(context, request, name) }
    throw unknownCommand(name, Object.keys(engine.app.commands))
  }

  function counted<R extends Reply | undefined>(reply: R): R {
    if (reply !== undefined) responses.add(reply.status)
    return reply
  }

  async function answer(request: Inbound): Promise<Reply | undefined> {
    try {
      const methods = methodsOf(request.path)
      if (methods === undefined) return undefined
      const endpoint = methods[request.method === 'HEAD' ? 'GET' : request.method]
      return counted(
        endpoint === undefined
          ? methodNotAllowed(request, Object.keys(methods))
          : await endpoint(request),
      )
    } catch (error) {
      return counted(problemOf(error, request, options.onFailure))
    }
  }

  return { answer, kept: (request) => counted(keptByAddress(context, request)) }
}

/** Asks for the status first: what no query waits for, such as reactors, is looked at only then. */
async function metricsText(engine: Engine, responses: ResponseCounts): Promise<string> {
  await engine.status()
  return engine.metrics() + responses.text()
}

function fixedEndpoints(
  context: EndpointContext,
  metrics: NonNullable<HandlerOptions['metrics']>,
): Readonly<Record<string, Methods>> {
  const { engine } = context
  return {
    '/openapi.json': { GET: openApiEndpoint(engine.app) },
    '/status': { GET: (request) => statusEndpoint(context, request) },
    '/livez': { GET: () => jsonReply(200, { status: 'ok' }, noStore) },
    '/readyz': {
      GET: async () => {
        await engine.ready().catch((error: unknown) => {
          // Its message may be shown, and who probes wants to know which server it is.
          if (!isTailraceError(error) || error.code !== 'UNAVAILABLE') throw error
          throw new ProblemError('UNAVAILABLE', error.message)
        })
        return jsonReply(200, { status: 'ok' }, noStore)
      },
    },
    '/metrics': {
      GET: async (): Promise<Reply> => ({
        status: 200,
        headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', ...noStore },
        body: await metrics(),
      }),
    },
  }
}

const noStore = { 'cache-control': 'no-store' }

/** Bounds how many requests are under way at once; the rest is refused at the door. */
function limiter(
  max: number,
  remedy: string,
): (endpoint: (request: Inbound) => Promise<Reply>) => Endpoint {
  let inFlight = 0
  return (endpoint) => async (request) => {
    if (inFlight >= max)
      throw new ProblemError(
        'OVERLOADED',
        `expected fewer than ${max} requests under way, got ${max}; ${remedy}`,
      )
    inFlight++
    try {
      return await endpoint(request)
    } finally {
      inFlight--
    }
  }
}

/** A path segment decoded, or undefined when it is not valid. */
function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
