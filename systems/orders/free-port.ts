import { createServer } from 'node:net'
import { TailraceError } from 'tailrace'

/** Checks that a port can be listened on, before a minute is spent on what is to listen there. */
export function checkPortIsFree(port: number, host = '127.0.0.1'): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) =>
      reject(
        new TailraceError(
          'CONFIG',
          `expected to listen on ${host}:${port}, got ${error.message}; stop what listens there or choose another PORT`,
          { cause: error },
        ),
      ),
    )
    server.listen(port, host, () => server.close(() => resolve()))
  })
}
