import type { Answer, App, Expected, Surface } from 'tailrace'
import { realClock, type ClientClock } from './client-clock.ts'
import type { ClientContext } from './client-context.ts'
import { sendCommand, type CommandCallOptions } from './command-call.ts'
import { FreshnessBoard } from './freshness-board.ts'
import { openLive, type LiveConnection, type LiveOptions } from './live.ts'
import { askQuery, type QueryCallOptions } from './query-call.ts'
import { QueryView } from './query-view.ts'
import { TokenMemory } from './token-memory.ts'
import { defaultStorage, type TokenStorage } from './token-storage.ts'

export interface ClientOptions {
  /** Where `/commands` and `/queries` are. Default: the place of the page. */
  readonly baseUrl?: string
  /** The bearer token, asked for at each call; undefined: no identity. */
  readonly token?: () => string | undefined | Promise<string | undefined>
  /** Default: the platform's. */
  readonly fetch?: typeof fetch
  /** Where consistency tokens are kept. Default: `sessionStorage` in browsers, memory elsewhere. */
  readonly storage?: TokenStorage
  /** For one attempt. Default: 10,000. */
  readonly timeoutMs?: number
  /** Attempts after the first one, where the trouble may pass. Default: 4. */
  readonly retries?: number
  readonly clock?: ClientClock
}

// Views are kept so that a screen that comes back shows its last answer at once.
const viewsMax = 200

type Calls<A> = Surface<A, CommandCallOptions, QueryCallOptions>

/** One view per query and input: `client.views.order({ orderId })`. */
export type ViewsOf<Q> = {
  readonly [K in keyof Q]: Q[K] extends (
    input: infer I,
    ...rest: never[]
  ) => Promise<Answer<infer O>>
    ? (input: I) => QueryView<O>
    : never
}

/** The client of an application, by its type: `Client<typeof orders>`. */
export type Client<A> = [Calls<A>] extends [never]
  ? Expected<'createClient<typeof app>, with the type of an application between the brackets'>
  : ClientOf<Calls<A>>

type ClientOf<C extends Surface<App, CommandCallOptions, QueryCallOptions>> = C & {
  readonly views: ViewsOf<C['queries']>
  /** Follows the read models and asks watched views again. */
  live(options?: LiveOptions): LiveConnection
  /** The freshness of projections, as answers told it. */
  readonly freshness: FreshnessBoard
  /** What this client has written and seen, to hand on to another one; undefined: nothing. */
  token(): string | undefined
}

/** A client of an application: types from `typeof app`, nothing else of it. Names become paths when they are called. */
export function createClient<A>(options: ClientOptions = {}): Client<A> {
  const baseUrl = (options.baseUrl ?? '').replace(/\/$/, '')
  const views = new Map<string, QueryView<unknown>>()
  const { token } = options
  const context: ClientContext = {
    baseUrl,
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    clock: options.clock ?? realClock,
    timeoutMs: options.timeoutMs ?? 10_000,
    retries: options.retries ?? 4,
    tokens: new TokenMemory(options.storage ?? defaultStorage(baseUrl)),
    authorization: async () => {
      const value = await token?.()
      return value === undefined ? undefined : `Bearer ${value}`
    },
    freshness: new FreshnessBoard(),
    watched: new Set(),
  }

  function viewOf(name: string, input: unknown): QueryView<unknown> {
    const key = `${name} ${canonical(input)}`
    const known = views.get(key)
    if (known !== undefined) return known
    const made = new QueryView<unknown>({
      query: name,
      ask: (call) => askQuery(context, name, input, call),
      clock: context.clock,
      now: () => context.tokens.now(),
      watched: context.watched,
    })
    if (views.size >= viewsMax) forgetIdle(views)
    views.set(key, made)
    return made
  }

  const client = {
    commands: named(
      (name) => (input: unknown, call?: CommandCallOptions) =>
        sendCommand(context, name, input, call),
    ),
    queries: named(
      (name) => async (input: unknown, call?: QueryCallOptions) =>
        (await askQuery(context, name, input, call)).answer,
    ),
    views: named((name) => (input: unknown) => viewOf(name, input)),
    live: (live: LiveOptions = {}) => openLive(context, live),
    freshness: context.freshness,
    token: () => context.tokens.header(),
  }
  return client as unknown as Client<A>
}

function forgetIdle(views: Map<string, QueryView<unknown>>): void {
  for (const [key, view] of views) if (view.idle) views.delete(key)
}

/** An object with a member for every name. Not a promise: `then` is no name, so that `await` and inspection are safe. */
function named<T>(make: (name: string) => T): object {
  const made = new Map<string, T>()
  return new Proxy(Object.create(null) as object, {
    get(_, name) {
      if (typeof name !== 'string' || name === 'then') return undefined
      let member = made.get(name)
      if (member === undefined) made.set(name, (member = make(name)))
      return member
    },
  })
}

/** JSON with sorted keys: equal inputs, equal views. */
function canonical(input: unknown): string {
  return JSON.stringify(input ?? {}, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}
