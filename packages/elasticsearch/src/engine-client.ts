import { TailraceError } from 'tailrace/adapter'
import { engineError } from './engine-error.ts'
import type { StoreSettings } from './store-options.ts'

export interface EngineAnswer {
  readonly status: number
  /** Parsed JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
}

export interface RequestOptions {
  /** Statuses from 400 on that the caller understands; others throw. */
  readonly allow?: readonly number[]
  readonly timeoutMs?: number
}

/**
 * Requests to the engine: bounded in time and in what they bring back, over connections that are kept open. Nothing is sent
 * twice: who asks knows whether that is harmless.
 */
export class EngineClient {
  readonly #settings: StoreSettings
  readonly #open = new Set<AbortController>()
  #closed = false

  constructor(settings: StoreSettings) {
    this.#settings = settings
  }

  /** For messages: without credentials. */
  get url(): string {
    return this.#settings.url
  }

  /**
   * A body that is a string is sent as lines (`_bulk`), others as JSON. Throws `UNAVAILABLE` when no answer comes in time,
   * `ADAPTER_CLOSED` after `close`, `READ_UNSUPPORTED` when the answer is too large, and what `engineError` says.
   */
  async request(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object | string,
    options: RequestOptions = {},
  ): Promise<EngineAnswer> {
    if (this.#closed) throw closedError()
    const answer = await this.#send(method, path, body, options.timeoutMs)
    if (answer.status >= 400 && options.allow?.includes(answer.status) !== true)
      throw engineError(`${method} ${path.split('?')[0]}`, answer)
    return answer
  }

  /** Ends what is under way. */
  close(): void {
    this.#closed = true
    for (const controller of this.#open) controller.abort('closed')
  }

  async #send(
    method: string,
    path: string,
    body: object | string | undefined,
    timeoutMs = this.#settings.timeoutMs,
  ): Promise<EngineAnswer> {
    const controller = new AbortController()
    // With a reason, because the default one is an error with a stack trace.
    const timer = setTimeout(() => controller.abort('timeout'), timeoutMs)
    this.#open.add(controller)
    try {
      const response = await fetch(`${this.#settings.url}${path}`, {
        method,
        headers: {
          ...this.#settings.headers,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': contentType(body) }),
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        redirect: 'error',
        signal: controller.signal,
      })
      return { status: response.status, body: parse(await this.#text(response, controller)) }
    } catch (error) {
      if (this.#closed) throw closedError()
      if (error instanceof TailraceError) throw error
      const reason = controller.signal.aborted ? `none within ${timeoutMs} ms` : causeText(error)
      throw new TailraceError(
        'UNAVAILABLE',
        `expected an answer from the search engine at ${this.url}, got ${reason}`,
        { cause: error, retryable: true },
      )
    } finally {
      clearTimeout(timer)
      this.#open.delete(controller)
    }
  }

  async #text(response: Response, controller: AbortController): Promise<string> {
    const max = this.#settings.answerBytes
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength
      if (bytes > max) {
        controller.abort('too large')
        throw new TailraceError(
          'READ_UNSUPPORTED',
          `expected an answer of at most ${max} bytes, got more; ask for fewer documents or raise answerBytes`,
          { details: { answerTooLarge: true } },
        )
      }
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString()
  }
}

function contentType(body: object | string): string {
  return typeof body === 'string' ? 'application/x-ndjson' : 'application/json'
}

/** What is no JSON is no engine of ours; kept as text for the message. */
function parse(text: string): unknown {
  if (text === '') return {}
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** `fetch failed` says nothing; its cause does. */
function causeText(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown }
  const told = cause instanceof Error ? cause : error
  const { code } = told as { readonly code?: unknown }
  const message = told instanceof Error ? told.message : String(told)
  return message === '' && typeof code === 'string' ? code : message
}

function closedError(): TailraceError {
  return new TailraceError(
    'ADAPTER_CLOSED',
    'expected an open Elasticsearch store, got a call after close()',
  )
}
