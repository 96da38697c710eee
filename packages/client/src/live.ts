import { commonHeaders, type ClientContext } from './client-context.ts'
import { ClientError } from './client-error.ts'
import { errorOf, failedCall, isOfTheAddress } from './http-call.ts'
import type { QueryView } from './query-view.ts'
import { SseParser, type SseEvent } from './sse-parser.ts'

/** A read model has moved: the named queries may have another answer. */
export interface Checkpoint {
  readonly projection: string
  readonly position: string
  readonly queries: readonly string[]
}

export interface LiveOptions {
  /** Names of queries. Default: all. */
  readonly queries?: readonly string[]
  readonly onCheckpoint?: (checkpoint: Checkpoint) => void
  /** Called when the connection comes and goes. */
  readonly onConnected?: (connected: boolean) => void
  /** Told why each attempt to connect came to nothing. It is made again, but for BASE_URL_INVALID. */
  readonly onError?: (error: ClientError) => void
  readonly signal?: AbortSignal
}

export interface LiveConnection {
  readonly connected: boolean
  close(): void
}

// Three heartbeats: a connection that is silent for longer is dead, whatever the network says.
const silenceMaxMs = 45_000
const retryMaxMs = 30_000

/**
 * Follows the read models: each watched view is asked again once when one of its own has moved. Comes again by itself
 * after the last event it saw, with growing pauses, until it is closed.
 */
export function openLive(context: ClientContext, options: LiveOptions): LiveConnection {
  const closed = new AbortController()
  const signal =
    options.signal === undefined ? closed.signal : AbortSignal.any([closed.signal, options.signal])
  const state = { connected: false, lastId: '', retryMs: 1_000, failures: 0 }

  function setConnected(connected: boolean): void {
    if (state.connected === connected) return
    state.connected = connected
    options.onConnected?.(connected)
  }

  function handle({ event, data, id }: SseEvent): void {
    state.lastId = id
    if (event !== 'checkpoint') return
    const checkpoint = JSON.parse(data) as Checkpoint
    options.onCheckpoint?.(checkpoint)
    const names = new Set(checkpoint.queries)
    refetch(context, (view) => names.has(view.query))
  }

  async function follow(): Promise<void> {
    const quiet = new AbortController()
    const either = AbortSignal.any([signal, quiet.signal])
    const queries =
      options.queries === undefined
        ? ''
        : `?queries=${encodeURIComponent(options.queries.join(','))}`
    const headers = {
      ...(await commonHeaders(context)),
      accept: 'text/event-stream',
      ...(state.lastId === '' ? {} : { 'last-event-id': state.lastId }),
    }
    const url = `${context.baseUrl}/live${queries}`
    const reader = (await streamAt(context, url, { headers, signal: either })).getReader()
    setConnected(true)
    // What failed while the server was away would stay as it is until something moves.
    refetch(context, (view) => view.getSnapshot().error !== undefined)
    const parser = new SseParser()
    const decoder = new TextDecoder()
    for (;;) {
      const timer = setTimeout(() => quiet.abort(), silenceMaxMs)
      const { done, value } = await reader.read().finally(() => clearTimeout(timer))
      if (done) return
      state.failures = 0
      for (const event of parser.push(decoder.decode(value, { stream: true }))) handle(event)
      state.retryMs = parser.retryMs ?? state.retryMs
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const failure = await follow().catch((error: unknown) => error)
      setConnected(false)
      if (failure instanceof ClientError && !signal.aborted) options.onError?.(failure)
      if (isOfTheAddress(failure)) return
      const ceiling = Math.min(retryMaxMs, state.retryMs * 2 ** state.failures++)
      await context.clock.sleep(ceiling / 2 + (context.clock.random() * ceiling) / 2, signal)
    }
  }

  void run()
  return {
    get connected() {
      return state.connected
    },
    close: () => closed.abort(),
  }
}

async function streamAt(
  context: ClientContext,
  url: string,
  init: RequestInit,
): Promise<ReadableStream<Uint8Array>> {
  const response = await context
    .fetch(url, init)
    .catch((error: unknown) => Promise.reject(failedCall(url, error)))
  if (response.ok && response.body !== null) return response.body
  const { status, headers } = response
  const body: unknown = await response.json().catch(() => undefined)
  throw errorOf({ status, headers, body })
}

function refetch({ watched }: ClientContext, wanted: (view: QueryView<unknown>) => boolean): void {
  for (const view of watched) if (wanted(view)) void view.refetch()
}
