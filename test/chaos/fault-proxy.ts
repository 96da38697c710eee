import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { FaultyFlow, type FlowFault } from './faulty-flow.ts'

export type Direction = 'up' | 'down'

/** What a connection suffers. Nothing set: bytes pass as they come. `up` is towards the server. */
export interface NetworkFault {
  /** Milliseconds that each chunk waits. */
  readonly delayMs?: number
  /** Of each direction of each connection. */
  readonly bytesPerSecond?: number
  /** Bytes and ends of these directions wait, and arrive when the fault is over: a network that was cut and comes back. */
  readonly hold?: readonly Direction[]
  /** Bytes and ends of these directions are lost. One direction: one-way; both: half-open. */
  readonly swallow?: readonly Direction[]
  /** One bit of one byte in each large chunk of these directions is another one. */
  readonly corrupt?: readonly Direction[]
  /** New connections are reset at once. */
  readonly refuse?: boolean
}

export interface ProxyOptions {
  readonly host?: string
  readonly port: number
  /** What is replaced on its way to the client, such as an address that a server tells of itself. Both of one length. */
  readonly rewrite?: { readonly find: Buffer; readonly replace: (port: number) => Buffer }
}

/** A TCP proxy on the loopback interface whose connections can be harmed. */
export interface FaultProxy {
  readonly port: number
  /** Connections that are open now. */
  readonly connections: number
  /** From now on, for open connections and new ones. Replaces the fault before. */
  set(fault: NetworkFault): void
  /** Ends every fault. Connections that lost bytes are reset, since TCP gives all bytes in order or none. */
  heal(): void
  /** Resets (RST) every open connection, on both sides. Returns how many. */
  reset(): number
  close(): Promise<void>
}

const noFault: NetworkFault = {}

/** Starts a proxy to one server, on a free port. */
export async function faultProxy(target: ProxyOptions): Promise<FaultProxy> {
  const links = new Set<Link>()
  let fault = noFault
  let port = 0
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (fault.refuse === true) {
      client.on('error', () => undefined)
      client.resetAndDestroy()
      return
    }
    const link = new Link(client, target, port, () => fault)
    links.add(link)
    link.onEnd = () => links.delete(link)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  const set = (next: NetworkFault): void => {
    fault = next
    for (const link of links) link.changed()
  }
  const reset = (): number => {
    const open = [...links]
    for (const link of open) link.reset()
    return open.length
  }
  return {
    port,
    get connections() {
      return links.size
    },
    set,
    heal: () => {
      for (const link of links) if (link.lostBytes) link.reset()
      set(noFault)
    },
    reset,
    async close() {
      reset()
      server.close()
      await once(server, 'close')
    },
  }
}

/** One connection through the proxy: two sockets and what flows between them. */
class Link {
  onEnd: () => void = () => undefined
  readonly #client: Socket
  readonly #server: Socket
  readonly #up: FaultyFlow
  readonly #down: FaultyFlow
  #fault: () => NetworkFault
  #broken = false
  #lostEnd = false

  constructor(
    client: Socket,
    { host = '127.0.0.1', port, rewrite }: ProxyOptions,
    own: number,
    fault: () => NetworkFault,
  ) {
    this.#fault = fault
    this.#client = client
    this.#server = connect({ host, port, allowHalfOpen: true, noDelay: true })
    client.setNoDelay(true)
    this.#up = new FaultyFlow(client, this.#server, () => faultOf(fault(), 'up'))
    this.#down = new FaultyFlow(
      this.#server,
      client,
      () => faultOf(fault(), 'down'),
      rewrite && { find: rewrite.find, replace: rewrite.replace(own) },
    )
    for (const socket of [client, this.#server]) {
      socket.on('error', () => undefined)
      socket.on('close', (failed) => this.#closed(failed))
    }
  }

  get lostBytes(): boolean {
    return this.#lostEnd || this.#up.lostBytes || this.#down.lostBytes
  }

  changed(): void {
    if (this.#broken && !this.#silent()) return this.reset()
    this.#up.pump()
    this.#down.pump()
  }

  reset(): void {
    for (const socket of [this.#client, this.#server])
      if (!socket.destroyed) socket.resetAndDestroy()
    this.#up.stop()
    this.#down.stop()
    this.onEnd()
  }

  /** One side is gone. The other learns it, unless the network is silent now. */
  #closed(failed: boolean): void {
    if (this.#client.destroyed && this.#server.destroyed) return this.reset()
    if (!failed) return
    this.#broken = true
    if (this.#silent()) this.#lostEnd = true
    else this.reset()
  }

  #silent(): boolean {
    const { hold = [], swallow = [] } = this.#fault()
    return hold.length + swallow.length > 0
  }
}

function faultOf(fault: NetworkFault, direction: Direction): FlowFault {
  return {
    delayMs: fault.delayMs ?? 0,
    bytesPerSecond: fault.bytesPerSecond,
    hold: fault.hold?.includes(direction) === true,
    swallow: fault.swallow?.includes(direction) === true,
    corrupt: fault.corrupt?.includes(direction) === true,
  }
}
