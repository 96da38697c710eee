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
    client.on('data', (piece) => this.#later(() => server.write(piece)))
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
