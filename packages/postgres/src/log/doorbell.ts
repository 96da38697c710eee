import type { Clock } from 'tailrace/adapter'
import type { SqlClient, SqlPool } from '../sql-pool.ts'

export interface DoorbellOptions {
  /** The doorbell keeps one connection of it, which must be a session: no transaction pooler in between. */
  readonly pool: SqlPool
  readonly clock: Clock
  /** Default: `tailrace`. */
  readonly schema?: string
  /** Rings within this time become one. Default: 5 ms. */
  readonly coalesceMs?: number
  /** Longest pause between attempts to get a connection. Default: 2 s. */
  readonly retryMs?: number
}

/**
 * Tells other processes that something was committed: NOTIFY in a transaction of its own, never in a command's, where it
 * would make commits wait for each other. A lost ring costs a poll interval and nothing else.
 */
export interface Doorbell {
  /** Calls back when this or another process rang, and once after each (re)connection: rings may have been missed. */
  onRing(listener: () => void): () => void
  /** Rings here at once, and in other processes coalesced. Never throws; a hint is lost while there is no connection. */
  ring(): void
  /** Resolves when it listens for the first time, or at close. */
  readonly listening: Promise<void>
  close(): Promise<void>
}

/** What a connection of `pg` reports beyond errors. */
interface ListeningClient extends SqlClient {
  readonly processID?: number
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'end', listener: () => void): unknown
  on(event: 'notification', listener: (message: { readonly processId: number }) => void): unknown
}

/** Starts to listen; connects again for as long as it is open. */
export function openDoorbell(options: DoorbellOptions): Doorbell {
  return new PostgresDoorbell(options)
}

class PostgresDoorbell implements Doorbell {
  readonly listening: Promise<void>
  private readonly pool: SqlPool
  private readonly clock: Clock
  private readonly channel: string
  private readonly coalesceMs: number
  private readonly retryMs: number
  private readonly listeners = new Set<() => void>()
  private readonly closing = new AbortController()
  private readonly running: Promise<void>
  private client: ListeningClient | undefined
  private ringing = false
  private again = false
  private heard!: () => void

  constructor(options: DoorbellOptions) {
    this.pool = options.pool
    this.clock = options.clock
    this.channel = `${options.schema ?? 'tailrace'}_doorbell`
    this.coalesceMs = options.coalesceMs ?? 5
    this.retryMs = options.retryMs ?? 2_000
    this.listening = new Promise((resolve) => (this.heard = resolve))
    this.running = this.run()
  }

  onRing(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  ring(): void {
    this.tell()
    if (this.ringing) this.again = true
    else void this.send()
  }

  async close(): Promise<void> {
    this.closing.abort()
    await this.running
  }

  /** Keeps a listening connection until it is closed. */
  private async run(): Promise<void> {
    let failures = 0
    while (!this.closing.signal.aborted) {
      const connected = await this.listen().catch(() => false)
      failures = connected ? 0 : failures + 1
      const pauseMs =
        Math.min(this.retryMs, 20 * 2 ** Math.min(failures, 10)) * (0.5 + this.clock.random() / 2)
      await this.clock.sleep(pauseMs, this.closing.signal)
    }
    this.heard()
  }

  /** Listens on one connection until it is lost. False when it did not come to listening. */
  private async listen(): Promise<boolean> {
    const client = (await this.pool.connect()) as ListeningClient
    const { promise: lost, resolve: lose } = Promise.withResolvers<void>()
    const stop = (): void => lose()
    client.on('error', stop)
    client.on('end', stop)
    client.on('notification', ({ processId }) => {
      if (processId !== client.processID) this.tell()
    })
    this.closing.signal.addEventListener('abort', stop)
    try {
      await client.query({ text: `listen "${this.channel}"` })
      this.client = client
      this.heard()
      this.tell()
      await lost
      return true
    } finally {
      this.client = undefined
      this.closing.signal.removeEventListener('abort', stop)
      // Closed, not given back: it listens, and its listeners would stay.
      client.release(true)
    }
  }

  private tell(): void {
    for (const listener of this.listeners) listener()
  }

  /** The first ring goes out at once; those that come until it is done and `coalesceMs` have passed become the next one. */
  private async send(): Promise<void> {
    this.ringing = true
    do {
      this.again = false
      // A failure is a lost hint: the connection's own end is handled where it listens.
      await this.client?.query({ text: `notify "${this.channel}"` }).catch(() => undefined)
      await this.clock.sleep(this.coalesceMs, this.closing.signal)
    } while (this.again && !this.closing.signal.aborted)
    this.ringing = false
  }
}
