import type { ClientClock } from './client-clock.ts'
import { ClientError, type ProblemBody } from './client-error.ts'

export interface Call {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal | undefined
}

export interface Received {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

export interface CallPolicy {
  readonly fetch: typeof fetch
  readonly clock: ClientClock
  /** For one attempt. */
  readonly timeoutMs: number
  /** Attempts after the first one. */
  readonly retries: number
}

const backoffMs = 100
const backoffMaxMs = 5_000

/**
 * Makes a call, again while the trouble may pass: no connection, a timeout, 429, 502, 503, 504, a command that is still
 * running. Waits as long as the server asks, else with growing, jittered pauses; both bounded. Whoever calls must have
 * made the call safe to repeat. Rejects with the signal's reason when it aborts.
 */
export async function callWithRetries(call: Call, policy: CallPolicy): Promise<Received> {
  for (let attempt = 0; ; attempt++) {
    const last = attempt >= policy.retries
    let received: Received
    try {
      received = await callOnce(call, policy)
    } catch (error) {
      call.signal?.throwIfAborted()
      if (last || isOfTheAddress(error)) throw error
      await pause(attempt, null, call, policy)
      continue
    }
    if (last || !mayPass(received)) return received
    await pause(attempt, received.headers.get('retry-after'), call, policy)
  }
}

function mayPass({ status, body }: Received): boolean {
  const code = problemOf(body)?.code
  if (status === 409) return code === 'COMMAND_IN_PROGRESS'
  // The caller asked for freshness within a time of its own; asking again would overrule that.
  if (code === 'NOT_CAUGHT_UP') return false
  return status === 429 || status === 502 || status === 503 || status === 504
}

async function pause(
  attempt: number,
  retryAfter: string | null,
  call: Call,
  { clock }: CallPolicy,
): Promise<void> {
  const ceiling = Math.min(backoffMaxMs, backoffMs * 2 ** attempt)
  const jittered = ceiling / 2 + (clock.random() * ceiling) / 2
  const asked = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) * 1000 : 0
  await clock.sleep(Math.max(jittered, Math.min(asked, backoffMaxMs)), call.signal)
  call.signal?.throwIfAborted()
}

async function callOnce(
  { url, method, headers, body, signal }: Call,
  policy: CallPolicy,
): Promise<Received> {
  const timeout = AbortSignal.timeout(policy.timeoutMs)
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
  const init: RequestInit = {
    method,
    headers,
    signal: either,
    ...(body === undefined ? {} : { body }),
  }
  let text: string
  let response: Response
  try {
    response = await policy.fetch(url, init)
    text = await response.text()
  } catch (error) {
    if (timeout.aborted)
      throw new ClientError(
        'TIMEOUT',
        `expected an answer within ${policy.timeoutMs} ms, got none`,
        { cause: error },
      )
    throw failedCall(url, error)
  }
  try {
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    }
  } catch (error) {
    // Proxies answer their own errors in HTML: the status still says whether to try again.
    if (response.status >= 400)
      return { status: response.status, headers: response.headers, body: undefined }
    throw new ClientError(
      'ANSWER_UNREADABLE',
      `expected JSON, got ${JSON.stringify(text.slice(0, 80))}`,
      { cause: error, status: response.status },
    )
  }
}

/** Why a call came to nothing: a connection that may come back, or an address that leads nowhere, now and later. */
export function failedCall(url: string, cause: unknown): ClientError {
  if (isAddress(url))
    return new ClientError('NETWORK', `expected an answer of ${url}, got no connection`, { cause })
  return new ClientError(
    'BASE_URL_INVALID',
    `expected a \`baseUrl\` such as "https://orders.example" where no page gives the address, got the address ${JSON.stringify(url)}`,
    { cause },
  )
}

/** Asking again would not help. */
export function isOfTheAddress(error: unknown): boolean {
  return error instanceof ClientError && error.code === 'BASE_URL_INVALID'
}

/** Whether it names a web server: by itself, or seen from the page. */
function isAddress(url: string): boolean {
  const page = (globalThis as { readonly location?: { readonly href: string } }).location?.href
  try {
    return /^https?:$/.test(new URL(url, page).protocol)
  } catch {
    return false
  }
}

/** The problem in a body, when it is one. */
export function problemOf(body: unknown): ProblemBody | undefined {
  const coded =
    typeof body === 'object' && body !== null && typeof (body as ProblemBody).code === 'string'
  return coded ? (body as ProblemBody) : undefined
}

/** An answer that is no result of its own, as an error. */
export function errorOf({ status, body }: Received, idempotencyKey?: string): ClientError {
  const problem = problemOf(body)
  const message = problem?.detail ?? `expected an answer, got status ${status}`
  return new ClientError(problem?.code ?? `HTTP_${status}`, message, {
    status,
    problem,
    idempotencyKey,
  })
}
