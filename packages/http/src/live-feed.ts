import type { Engine } from 'tailrace/adapter'

export interface LiveFeedOptions {
  /** Default: 15,000. */
  readonly heartbeatMs: number
  /** How long a connection may last before the client has to come again. Default: 1 hour. */
  readonly liveMaxAgeMs: number
}

/** The queries to ask again when a projection moves. */
export type Watched = ReadonlyMap<string, readonly string[]>

// A client that took nothing for so many heartbeats is gone, whatever its socket says.
const stalledHeartbeats = 4

/**
 * Hands checkpoint advances to connections. Memory is bounded: of each projection a slow connection is owed only the
 * latest position. While nobody listens, the feed does nothing.
 */
export class LiveFeed {
  readonly #engine: Engine
  readonly #options: LiveFeedOptions
  readonly #clients = new Set<LiveClient>()
  #stop: (() => void) | undefined

  constructor(engine: Engine, options: LiveFeedOptions) {
    this.#engine = engine
    this.#options = options
  }

  get size(): number {
    return this.#clients.size
  }

  /**
   * Opens a stream that first says where each watched projection is, unless that is where the client heard of it last
   * (`after`), and then follows. One that is behind `after` is said too: it was reset or restored since, or this process has
   * not seen as much as another, and what the client shows may be gone.
   */
  async connect(
    watched: Watched,
    after: bigint | undefined,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const client = new LiveClient(watched, performance.now() + this.#options.liveMaxAgeMs, () =>
      this.#remove(client),
    )
    this.#clients.add(client)
    this.#start()
    signal.addEventListener('abort', () => client.end(), { once: true })
    if (signal.aborted) client.end()
    try {
      // The client already listens, so that nothing is lost between this look and the first advance.
      const status = await this.#engine.status({ asSeen: true })
      const positions = new Map(
        [...watched.keys()].map((name) => [name, BigInt(status.projections[name]?.position ?? 0)]),
      )
      client.begin(positions, after)
    } catch (error) {
      client.end()
      throw error
    }
    return client.stream
  }

  close(): void {
    for (const client of this.#clients) client.end()
  }

  #start(): void {
    if (this.#stop !== undefined) return
    const unsubscribe = this.#engine.onAdvance((projection, position) => {
      for (const client of this.#clients) client.advance(projection, position)
    })
    const timer = setInterval(() => this.#beat(), this.#options.heartbeatMs)
    timer.unref()
    this.#stop = () => {
      unsubscribe()
      clearInterval(timer)
    }
  }

  #beat(): void {
    const now = performance.now()
    for (const client of this.#clients) client.beat(now)
  }

  #remove(client: LiveClient): void {
    this.#clients.delete(client)
    if (this.#clients.size > 0) return
    this.#stop?.()
    this.#stop = undefined
  }
}

const encoder = new TextEncoder()

class LiveClient {
  readonly stream: ReadableStream<Uint8Array>
  readonly #watched: Watched
  readonly #until: number
  readonly #ended: () => void
  /** Where each watched projection was when this connection last heard of it; undefined: not begun. */
  #positions: Map<string, bigint> | undefined
  readonly #owed = new Map<string, bigint>()
  #controller!: ReadableStreamDefaultController<Uint8Array>
  #open = true
  #stalled = 0

  constructor(watched: Watched, until: number, ended: () => void) {
    this.#watched = watched
    this.#until = until
    this.#ended = ended
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#flush(),
      cancel: () => this.end(),
    })
  }

  begin(positions: Map<string, bigint>, after: bigint | undefined): void {
    this.#positions = positions
    for (const [projection, position] of positions) {
      if ((after === undefined || position !== after) && !this.#owed.has(projection))
        this.#owed.set(projection, position)
    }
    this.#send('retry: 1000\n\n')
    this.#flush()
  }

  advance(projection: string, position: bigint): void {
    if (!this.#watched.has(projection)) return
    this.#owed.set(projection, position)
    this.#flush()
  }

  beat(now: number): void {
    if (now >= this.#until) return this.end()
    if (this.#hasRoom()) return this.#send(': heartbeat\n\n')
    this.#stalled++
    if (this.#stalled >= stalledHeartbeats) this.end()
  }

  end(): void {
    if (!this.#open) return
    this.#open = false
    this.#ended()
    try {
      this.#controller.close()
    } catch {
      // The reader cancelled first: the stream is closed already.
    }
  }

  #flush(): void {
    if (this.#positions === undefined || this.#owed.size === 0 || !this.#hasRoom()) return
    let text = ''
    for (const [projection, position] of this.#owed) {
      this.#positions.set(projection, position)
      const data = {
        projection,
        position: String(position),
        queries: this.#watched.get(projection),
      }
      text += `event: checkpoint\nid: ${this.#resumeId()}\ndata: ${JSON.stringify(data)}\n\n`
    }
    this.#owed.clear()
    this.#send(text)
  }

  /** The lowest position: whoever resumes after it misses no projection, at worst hears of one again. */
  #resumeId(): bigint {
    let least: bigint | undefined
    for (const position of this.#positions!.values())
      if (least === undefined || position < least) least = position
    return least ?? 0n
  }

  #hasRoom(): boolean {
    return this.#open && (this.#controller.desiredSize ?? 0) > 0
  }

  #send(text: string): void {
    if (!this.#open) return
    this.#stalled = 0
    this.#controller.enqueue(encoder.encode(text))
  }
}
