import { createClient, type RedisClientOptions } from '@redis/client'
import { TailraceError } from 'tailrace/adapter'

export type Argument = string | Buffer
export type Command = readonly Argument[]

export interface LinkOptions {
  readonly url: string
  /** Longest wait for an answer, milliseconds. */
  readonly timeoutMs: number
  /** Further options of the driver. */
  readonly client: RedisClientOptions | undefined
}

type Client = ReturnType<typeof createClient>

/** Calls that may wait for an answer at once. */
const waitingMax = 10_000
/** A server that was not there a moment ago is not asked again. */
const restMs = 100

/**
 * One connection to one server, made when it is needed and made anew after it is lost. Nothing waits for the server to come
 * back, and nothing is sent twice. Throws what the driver throws, and `ADAPTER_CLOSED`.
 */
export class RedisLink {
  readonly #options: LinkOptions
  /** Host and port. */
  readonly where: string
  #client: Client | undefined
  #connecting: Promise<Client> | undefined
  #refused: { readonly at: number; readonly error: unknown } | undefined
  #closed = false

  constructor(options: LinkOptions) {
    this.#options = options
    this.where = placeOf(options.url)
  }

  /** Sends commands in one go and gives their answers in order. The first error is thrown once all have answered. */
  async send(commands: readonly Command[]): Promise<unknown[]> {
    const client = await this.#ready()
    const answers = Promise.allSettled(commands.map((command) => client.sendCommand(command)))
    return (await this.#inTime(client, answers)).map((answer) => {
      if (answer.status === 'rejected') throw answer.reason
      return answer.value
    })
  }

  /** Ends the connection; calls that wait fail. May be called twice. */
  close(): void {
    this.#closed = true
    this.#client?.destroy()
    this.#client = undefined
  }

  async #ready(): Promise<Client> {
    if (this.#closed)
      throw new TailraceError(
        'ADAPTER_CLOSED',
        `expected an open Redis store at ${this.where}, got a call after close()`,
      )
    if (this.#client?.isReady === true) return this.#client
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined))
    return this.#connecting
  }

  async #connect(): Promise<Client> {
    const { url, timeoutMs, client: more } = this.#options
    if (this.#refused !== undefined && performance.now() - this.#refused.at < restMs)
      throw this.#refused.error
    this.#client?.destroy()
    this.#client = undefined
    const client = createClient({
      ...more,
      url,
      RESP: 2,
      socket: { ...more?.socket, connectTimeout: timeoutMs, reconnectStrategy: false },
      disableOfflineQueue: true,
      commandsQueueMaxLength: waitingMax,
      // The driver's own limit ends with sending, and costs a timer for each command.
      commandOptions: { timeout: 0 },
    } as object as RedisClientOptions) as object as Client
    // Without a listener an error would end the process. Calls report it.
    client.on('error', () => undefined)
    try {
      await this.#inTime(client, client.connect())
    } catch (error) {
      client.destroy()
      this.#refused = { at: performance.now(), error }
      throw error
    }
    this.#refused = undefined
    if (this.#closed) client.destroy()
    else this.#client = client
    return client
  }

  /** A server that does not answer in time loses its connection, and with it all calls that wait there. */
  async #inTime<T>(client: Client, answer: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no answer within ${timeoutMs} ms`))
        client.destroy()
      }, timeoutMs)
    })
    try {
      return await Promise.race([answer, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Host and port, without user and password. */
function placeOf(url: string): string {
  const host = URL.canParse(url) ? new URL(url).host : ''
  if (host !== '') return host
  throw new TailraceError(
    'CONFIG',
    'expected url of the Redis store to look like redis://host:6379, got something else',
  )
}
