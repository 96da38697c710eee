import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A wire to a server that a test can slow down, cut, or change the answers of. */
export interface Wire {
  readonly url: string
  /** Milliseconds that each piece of an answer is held. */
  delayMs: number
  /** What answers become; the length must stay. */
  alter: (bytes: Buffer) => Buffer
  /** Keeps back the next answer that contains a text, and all after it, until `release`. Resolves when it has come. */
  hold(text: string): Promise<void>
  release(): void
  /** Ends all connections. */
  cut(): void
  close(): Promise<void>
}

export async function wireTo(port: number): Promise<Wire> {
  const sockets = new Set<Socket>()
  let awaited: { readonly text: string; readonly come: () => void } | undefined
  let held: (() => void)[] | undefined
  const server = createServer((caller) => {
    const callee = connect(port, '127.0.0.1')
    for (const socket of [caller, callee]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.once('close', () => {
        sockets.delete(socket)
        caller.destroy()
        callee.destroy()
      })
    }
    caller.on('data', (bytes) => callee.write(bytes))
    callee.on('data', (bytes) => {
      const answer = wire.alter(Buffer.from(bytes))
      if (awaited !== undefined && answer.includes(awaited.text)) {
        held ??= []
        awaited.come()
        awaited = undefined
      }
      if (held !== undefined) held.push(() => caller.write(answer))
      else if (wire.delayMs === 0) caller.write(answer)
      else setTimeout(() => caller.write(answer), wire.delayMs)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const wire: Wire = {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    delayMs: 0,
    alter: (bytes) => bytes,
    hold: (text) => new Promise((come) => (awaited = { text, come })),
    release() {
      for (const pass of held ?? []) pass()
      held = undefined
    },
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    async close() {
      wire.cut()
      server.close()
      await once(server, 'close')
    },
  }
  return wire
}
