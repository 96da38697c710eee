import type { Answer } from 'tailrace'
import { commonHeaders, type ClientContext } from './client-context.ts'
import { callWithRetries, errorOf, problemOf, type Received } from './http-call.ts'
import { newTraceparent } from './identifiers.ts'
import type { Moment } from './token-memory.ts'

export interface QueryCallOptions {
  /** How long the server may wait until the answer has one's own writes. Default: what the query declares. */
  readonly waitMs?: number
  /** `strict`: an error instead of a stale answer. `eventual`: whatever is there, at once or after the wait. */
  readonly consistency?: 'strict' | 'eventual'
  /** False: the answer may be older than one's own writes, and than what was seen before. Default: true. */
  readonly readYourWrites?: boolean
  /** Further tokens that the answer must not be older than, such as one out of a link. */
  readonly tokens?: readonly string[]
  readonly signal?: AbortSignal
  readonly traceparent?: string
}

/** An answer, and the moment at which it was asked for. */
export interface Asked {
  readonly answer: Answer<unknown>
  readonly asked: Moment
  /** The history of the log that it belongs to, on the client's own count. */
  readonly generation: number
}

/** Asks a query. It sees one's own writes, and never less than an earlier answer did, or says that it is stale. */
export async function askQuery(
  context: ClientContext,
  name: string,
  input: unknown,
  options: QueryCallOptions = {},
): Promise<Asked> {
  for (let attempt = 0; ; attempt++) {
    const asked = context.tokens.now()
    const carries = options.readYourWrites !== false
    const received = await callWithRetries(
      {
        url: `${context.baseUrl}/queries/${encodeURIComponent(name)}`,
        method: 'POST',
        headers: await headersOf(context, carries, options),
        body: JSON.stringify(input ?? {}),
        signal: options.signal,
      },
      context,
    )
    if (received.status === 200) {
      const answer = received.body as Answer<unknown>
      context.freshness.note(answer.meta.reads)
      const token = received.headers.get('consistency-token')
      if (token !== null)
        context.tokens.saw(token, asked, carries && answer.meta.behindToken !== true)
      return { answer, asked, generation: context.tokens.generation }
    }
    // The log was restored, or what a tab kept is damaged: what we remember means nothing any more.
    if (attempt > 0 || !carries || !refusesTokens(received)) throw errorOf(received)
    context.tokens.clear()
  }
}

function refusesTokens({ body }: Received): boolean {
  const code = problemOf(body)?.code
  return code === 'TOKEN_OF_ANOTHER_HISTORY' || code === 'INVALID_TOKEN'
}

async function headersOf(
  context: ClientContext,
  carries: boolean,
  options: QueryCallOptions,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = {
    ...(await commonHeaders(context)),
    'content-type': 'application/json',
    traceparent: options.traceparent ?? newTraceparent(),
  }
  const own = carries ? context.tokens.header() : undefined
  const tokens = [...(own === undefined ? [] : [own]), ...(options.tokens ?? [])]
  if (tokens.length > 0) headers['consistency-token'] = tokens.join(',')
  const prefer: string[] = []
  if (options.waitMs !== undefined) prefer.push(`wait=${options.waitMs / 1000}`)
  if (options.consistency !== undefined) prefer.push(`consistency=${options.consistency}`)
  if (prefer.length > 0) headers.prefer = prefer.join(', ')
  return headers
}
