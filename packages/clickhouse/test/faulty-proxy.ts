import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** What happens to what passes through. */
export interface ProxyFaults {
  /** Holds each piece back for so long, milliseconds. */
  delayMs: number
  /** Lets requests through and cuts the connection instead of answering; counts down to 0. */
  loseAnswers: number
  /** Changes what the server sends, without changing its length. */
  rewrite: ((text: string) => string) | undefined
}

/** A TCP proxy in front of a real server, for what networks do. */
export class FaultyProxy {
  readonly faults: ProxyFaults = { delayMs: 0, loseAnswers: 0, rewrite: undefined }
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #late: LateRequest | undefined

  private constructor(server: Server) {
    this.#server = server
  }

  /** Starts one in front of `url`. */
  static async to(url: string): Promise<FaultyProxy> {
    const target = new URL(url)
    const server = createServer()
    const proxy = new FaultyProxy(server)
    server.on('connection', (client) =>
      proxy.#join(client, connect(Number(target.port), target.hostname)),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /**
   * Lets `before` more requests pass, holds back the one after them, or the first after them that has `text` in it, and
   * passes it on when `release` is called.
   */
  late(before: number, text = ''): LateRequest {
    this.#late = new LateRequest(before, text)
    return this.#late
  }

  #join(client: Socket, server: Socket): void {
    const end = (): void => {
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', end)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        end()
      })
    }
    let held: LateRequest | undefined
    client.on('data', (piece: Buffer) => {
      if (this.#late?.takes(piece) === true) held = this.#late
      if (held === undefined || !held.holds(() => server.write(piece)))
        this.#later(() => server.write(piece))
    })
    server.on('data', (piece: Buffer) => {
      if (this.faults.loseAnswers > 0) {
        this.faults.loseAnswers--
        return end()
      }
      const { rewrite } = this.faults
      const sent =
        rewrite === undefined ? piece : Buffer.from(rewrite(piece.toString('latin1')), 'latin1')
      this.#later(() => client.write(sent))
    })
  }

  /** Timers of equal delay fire in their order, so that the pieces stay in theirs. */
  #later(send: () => void): void {
    if (this.faults.delayMs === 0) send()
    else setTimeout(send, this.faults.delayMs)
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** A request that a network brings late. */
export class LateRequest {
  /** Resolves when the request has come and is held. */
  readonly caught: Promise<void>
  #before: number
  readonly #text: string
  #state: 'waiting' | 'held' | 'released' = 'waiting'
  readonly #pieces: (() => void)[] = []
  #tell!: () => void

  constructor(before: number, text: string) {
    this.#before = before
    this.#text = text
    this.caught = new Promise((resolve) => (this.#tell = resolve))
  }

  /** Whether this piece begins the request that is to be late. */
  takes(piece: Buffer): boolean {
    const text = piece.toString('latin1')
    if (this.#state !== 'waiting' || !/^(GET|POST) /.test(text)) return false
    if (this.#before-- > 0 || !text.includes(this.#text)) return false
    this.#state = 'held'
    this.#tell()
    return true
  }

  /** Keeps what a connection sends while the request is held. */
  holds(pass: () => void): boolean {
    if (this.#state !== 'held') return false
    this.#pieces.push(pass)
    return true
  }

  release(): void {
    this.#state = 'released'
    for (const pass of this.#pieces.splice(0)) pass()
  }
}
