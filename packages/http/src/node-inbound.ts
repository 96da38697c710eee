import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Inbound, Reply } from './exchange.ts'
import { brokenOff, tooLarge } from './read-json.ts'

/** A request of `node:http` as the endpoints see it. */
export function nodeInbound(incoming: IncomingMessage, outgoing: ServerResponse): Inbound {
  const url = incoming.url!
  const mark = url.indexOf('?')
  let signal: AbortSignal | undefined
  return {
    method: incoming.method!,
    path: mark === -1 ? url : url.slice(0, mark),
    search: mark === -1 ? '' : url.slice(mark + 1),
    header: (name) => incoming.headers[name] as string | undefined,
    body: (limitBytes) => readAll(incoming, limitBytes),
    signal: () => (signal ??= goneSignal(outgoing)),
    peer: incoming.socket.remoteAddress,
  }
}

/** Writes a reply. A body that was not read to its end closes the connection. */
export function writeReply(
  reply: Reply,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const { status, headers, body = '' } = reply
  // A kept reply has both already.
  headers['x-content-type-options'] ??= 'nosniff'
  if (status !== 304) headers['content-length'] ??= String(Buffer.byteLength(body))
  const unread = !incoming.complete && hasBody(incoming)
  outgoing.writeHead(status, unread ? { ...headers, connection: 'close' } : headers)
  outgoing.end(incoming.method === 'HEAD' || status === 304 ? undefined : body)
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

function readAll(incoming: IncomingMessage, limitBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    incoming.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= limitBytes) return void chunks.push(chunk)
      incoming.pause()
      reject(tooLarge(limitBytes))
    })
    incoming.on('end', () =>
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)),
    )
    incoming.on('error', () => reject(brokenOff()))
    incoming.on('close', () => reject(brokenOff()))
  })
}

function goneSignal(outgoing: ServerResponse): AbortSignal {
  const controller = new AbortController()
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) controller.abort()
  })
  return controller.signal
}
