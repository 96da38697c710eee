import * as fc from 'fast-check'
import { connect } from 'node:net'
import type { FuzzArea } from './fuzz-area.ts'
import { fuzzRequests, type FuzzRequest } from './http-requests.ts'
import { ledgerBreaches, type Taken } from './ledger.ts'
import type { OrdersProcess } from './orders-process.ts'

const requestsPerSeed = 60
/** Requests under way at the same time: also what meets half way must not hurt. */
const atOnce = 6
const rawPerSeed = 3
/** The event loop of the server must not stand still for longer. */
const blockLimitMs = 100
const answerMs = 30_000
const documented503 =
  /"code":"(NOT_CAUGHT_UP|TOO_MANY_WAITERS|COMMAND_TOO_BUSY|CONTENTION|COMMAND_OUTCOME_UNKNOWN|UNAVAILABLE|OVERLOADED)"/

interface Answer {
  readonly status: number
  readonly text: string
}

/** HTTP over the running order system: what is sent is made of its own OpenAPI document. */
export class HttpFuzz implements FuzzArea {
  readonly name = 'http'
  readonly #orders: OrdersProcess
  readonly #requests: fc.Arbitrary<FuzzRequest>
  readonly #taken = new Map<string, Taken>()
  readonly #statuses = new Map<number, number>()
  #longestMs = 0

  private constructor(orders: OrdersProcess, requests: fc.Arbitrary<FuzzRequest>) {
    this.#orders = orders
    this.#requests = requests
  }

  static async open(orders: OrdersProcess): Promise<HttpFuzz> {
    const document = (await (await fetch(`${orders.url}/openapi.json`)).json()) as never
    await orders.blockedMs()
    return new HttpFuzz(orders, fuzzRequests(document))
  }

  async run(seed: number): Promise<readonly string[]> {
    const found: string[] = []
    const requests = fc.sample(this.#requests, { seed, numRuns: requestsPerSeed })
    for (let at = 0; at < requests.length; at += atOnce)
      await Promise.all(
        requests.slice(at, at + atOnce).map(async (request) => {
          const problem = await this.#send(request)
          if (problem !== undefined) found.push(`${problem}: ${requestText(request)}`)
        }),
      )
    const raw = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 4_000 }), {
      seed,
      numRuns: rawPerSeed,
    })
    for (const bytes of raw) await this.#sendRaw(bytes)
    const { death } = this.#orders
    if (death !== undefined) return [...found, death]
    if ((await this.#blocked()) > blockLimitMs) found.push(...(await this.#whatBlocks(requests)))
    return found
  }

  async finish(): Promise<readonly string[]> {
    if (this.#orders.death !== undefined) return [this.#orders.death]
    return ledgerBreaches(this.#orders, [...this.#taken.values()])
  }

  summary(): string {
    const statuses = [...this.#statuses].toSorted(([a], [b]) => a - b)
    const list = statuses.map(([status, many]) => `${status} × ${many}`).join(', ')
    return `${list}; ${this.#taken.size} commands committed; longest block of the event loop ${Math.round(this.#longestMs)} ms`
  }

  async close(): Promise<void> {}

  async #send(request: FuzzRequest): Promise<string | undefined> {
    const answer = await this.#ask(request)
    if (typeof answer === 'string') return answer
    const { status, text } = answer
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1)
    if (status >= 500 && !(status === 503 && documented503.test(text)))
      return `answered ${status} ${text.slice(0, 300)}`
    if (status === 200 && request.path.startsWith('/commands/') && request.method === 'POST')
      return this.#take(text)
    return undefined
  }

  async #ask({ method, path, headers, body }: FuzzRequest): Promise<Answer | string> {
    try {
      const response = await fetch(this.#orders.url + path, {
        method,
        headers,
        ...(body === undefined || method === 'GET' ? {} : { body }),
        redirect: 'manual',
        signal: AbortSignal.timeout(answerMs),
      })
      return { status: response.status, text: await response.text() }
    } catch (error) {
      const { message, cause } = error as Error
      return `got no answer, ${message} ${cause instanceof Error ? cause.message : ''}`
    }
  }

  #take(text: string): string | undefined {
    const { commandId, version, id, token } = JSON.parse(text) as Record<string, string>
    const taken = {
      commandId: commandId!,
      version: Number(version),
      orderId: String(id),
      token: String(token),
    }
    const before = this.#taken.get(taken.commandId)
    if (before !== undefined && before.version !== taken.version)
      return `one command was answered with versions ${before.version} and ${taken.version}`
    this.#taken.set(taken.commandId, taken)
    return undefined
  }

  /** Bytes that need not be HTTP at all: a connection may be closed, and that is all. */
  #sendRaw(bytes: Uint8Array): Promise<void> {
    const { port, hostname } = new URL(this.#orders.url)
    return new Promise((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write('POST /commands/placeOrder HTTP/1.1\r\nhost: x\r\n'.slice(0, bytes[0]!))
        socket.end(bytes)
      })
      socket.setTimeout(200, () => socket.destroy())
      socket.on('error', () => undefined)
      socket.on('close', () => resolve())
      socket.resume()
    })
  }

  async #blocked(): Promise<number> {
    const ms = await this.#orders.blockedMs()
    this.#longestMs = Math.max(this.#longestMs, ms)
    return ms
  }

  /** A busy machine blocks too: only a request that blocks three times of three is one that blocks. */
  async #whatBlocks(requests: readonly FuzzRequest[]): Promise<string[]> {
    const found: string[] = []
    for (const request of requests) {
      let times = 0
      while (times < 3) {
        await this.#orders.blockedMs()
        await this.#send(request)
        if ((await this.#orders.blockedMs()) <= blockLimitMs) break
        times++
      }
      if (times === 3) found.push(`blocks the event loop: ${requestText(request)}`)
    }
    return found
  }
}

function requestText({ method, path, headers, body }: FuzzRequest): string {
  const text =
    body === undefined
      ? ''
      : typeof body === 'string'
        ? body
        : `bytes ${Buffer.from(body).toString('hex')}`
  return `${method} ${path} ${JSON.stringify(headers)} ${text.slice(0, 500)}`
}
