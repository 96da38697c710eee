import type { Actor } from 'tailrace'
import { nearest, type App, type QueryOutcome } from 'tailrace/adapter'
import { actorOf, admit, declared, type EndpointContext } from './endpoint-context.ts'
import { entityTag } from './entity-tag.ts'
import type { Inbound, Reply } from './exchange.ts'
import { refuseUnknownFields } from './input-shape.ts'
import { problemReply, ProblemError } from './problem.ts'
import { parseJson, readJsonText } from './read-json.ts'
import {
  matchesNone,
  preferenceApplied,
  preferencesOf,
  tokensOf,
  type Preferences,
} from './request-headers.ts'

/** `POST /queries/{name}` of a query that there is, with the input as body, or `GET /queries/{name}?input=<JSON>`. */
export async function queryEndpoint(
  context: EndpointContext,
  request: Inbound,
  name: string,
): Promise<Reply> {
  const query = context.engine.app.queries[name]!
  const actor = await actorOf(context, request)
  admit(query.may, actor, `query "${name}"`)
  if (request.method !== 'POST') {
    const key = context.answers.keyOf(request, query, request.search)
    return ask(context, request, query, actor, inputOf(request, context.maxDepth), key)
  }
  const text = await readJsonText(request, context)
  const key = context.answers.keyOf(request, query, text)
  const kept = key === undefined ? undefined : context.answers.find(key, request)
  return kept ?? ask(context, request, query, actor, parseJson(text, context.maxDepth), key)
}

/**
 * The kept answer to a question by address. It is kept under all that the identity depends on, so it needs no identity to
 * be found.
 */
export function keptByAddress(
  { engine, answers }: EndpointContext,
  request: Inbound,
): Reply | undefined {
  if (request.method !== 'GET' || !request.path.startsWith('/queries/')) return undefined
  const query = declared(engine.app.queries, request.path.slice(9))
  const key = query && answers.keyOf(request, query, request.search)
  return key === undefined ? undefined : answers.find(key, request)
}

type Query = App['queries'][string]

async function ask(
  context: EndpointContext,
  request: Inbound,
  query: Query,
  actor: Actor | undefined,
  input: unknown,
  key: string | undefined,
): Promise<Reply> {
  const tokens = tokensOf(request)
  const preferences = preferencesOf(request)
  refuseUnknownFields(query.input, input)
  const mayWait =
    tokens.length > 0 || preferences.consistency === 'strict' || query.freshness.mode !== 'eventual'
  const reads = key === undefined ? undefined : context.answers.before(query)
  const outcome = await context.engine.query(query.name, input, {
    actor,
    tokens,
    waitMs: preferences.waitMs,
    consistency: preferences.consistency,
    signal: mayWait ? request.signal() : undefined,
  })
  const reply = replyTo(request, outcome, preferences)
  if (key !== undefined && reads !== undefined && outcome.kind === 'answer' && !outcome.meta.stale)
    context.answers.keep(key, query, reply, outcome.token, reads)
  return reply
}

type AnswerOutcome = Extract<QueryOutcome, { kind: 'answer' }>

function replyTo(request: Inbound, outcome: QueryOutcome, preferences: Preferences): Reply {
  if (outcome.kind === 'refused') {
    return problemReply(outcome.code, outcome.message, {
      errors: outcome.issues,
      ...(outcome.retryAfterMs === undefined
        ? {}
        : { retryAfterSeconds: Math.max(1, Math.ceil(outcome.retryAfterMs / 1000)) }),
    })
  }
  const data = JSON.stringify(outcome.data ?? null)
  // A change of the warnings must reach a caller whose data is unchanged.
  const etag = entityTag(
    `${outcome.meta.stale ? 's' : ''}${outcome.meta.notice === undefined ? '' : 'n'}${data}`,
  )
  const headers = { ...headersOf(outcome, etag), ...preferenceApplied(preferences) }
  if (matchesNone(request, etag)) return { status: 304, headers }
  headers['content-type'] = 'application/json'
  return { status: 200, headers, body: `{"data":${data},"meta":${JSON.stringify(outcome.meta)}}` }
}

function headersOf({ meta, token, waitedMs }: AnswerOutcome, etag: string): Record<string, string> {
  const headers: Record<string, string> = {
    'cache-control': 'private, no-cache',
    vary: 'Authorization',
    etag,
    'consistency-token': token,
    'read-model-position': meta.position,
    'read-model-as-of': meta.asOf,
    'read-model-lag': String(meta.lagMs),
    'server-timing': `wait;dur=${round(waitedMs)}, lag;dur=${round(meta.lagMs)}`,
  }
  if (meta.stale) headers['read-model-stale'] = 'true'
  return headers
}

export function unknownQuery(name: string, known: readonly string[]): ProblemError {
  return new ProblemError(
    'QUERY_UNKNOWN',
    `expected the name of a query, got "${name.slice(0, 80)}"${nearest(name.slice(0, 80), known)}`,
  )
}

/** The input in the query string; without one: `{}`. */
function inputOf(request: Inbound, maxDepth: number): unknown {
  const inputs = request.search.split('&').filter((part) => part.startsWith('input='))
  if (inputs.length === 0) return {}
  if (inputs.length > 1) throw parameterInvalid('expected one "input", got several')
  try {
    return parseJson(decodeURIComponent(inputs[0]!.slice(6).replaceAll('+', '%20')), maxDepth)
  } catch (error) {
    if (error instanceof URIError)
      throw parameterInvalid('expected "input" to be JSON, percent-encoded as UTF-8')
    throw error
  }
}

function parameterInvalid(detail: string): ProblemError {
  return new ProblemError('PARAMETER_INVALID', detail)
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}
