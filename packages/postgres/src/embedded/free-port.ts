import { createServer, type AddressInfo } from 'node:net'

/** A port of the loopback interface that is free now. Another process may take it before it is used: try again then. */
export function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer()
    server.once('error', failed)
    server.listen({ port: 0, host: '127.0.0.1' }, () => {
      const { port } = server.address() as AddressInfo
      server.close(() => done(port))
    })
  })
}
