import type { FreshnessBoard } from './freshness-board.ts'
import type { CallPolicy } from './http-call.ts'
import type { QueryView } from './query-view.ts'
import type { TokenMemory } from './token-memory.ts'

/** What the calls of one client share. */
export interface ClientContext extends CallPolicy {
  /** Without a slash at its end. */
  readonly baseUrl: string
  readonly tokens: TokenMemory
  /** The value of `Authorization`, asked for at each call. */
  readonly authorization: () => string | undefined | Promise<string | undefined>
  readonly freshness: FreshnessBoard
  /** Views that somebody watches now. */
  readonly watched: Set<QueryView<unknown>>
}

/** The headers that every call has. */
export async function commonHeaders(context: ClientContext): Promise<Record<string, string>> {
  const authorization = await context.authorization()
  return authorization === undefined ? {} : { authorization }
}
