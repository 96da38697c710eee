import type { Inbound } from './exchange.ts'
import { brokenOff, tooLarge } from './read-json.ts'

/** A Fetch request as the endpoints see it. */
export function fetchInbound(request: Request, peer: string | undefined): Inbound {
  const url = new URL(request.url)
  return {
    method: request.method,
    path: url.pathname,
    search: url.search.slice(1),
    // Servers hand the Host header on; a request that was made in process has only its address.
    header: (name) => request.headers.get(name) ?? (name === 'host' ? url.host : undefined),
    body: (limitBytes) => readAll(request, limitBytes),
    signal: () => request.signal,
    peer,
  }
}

async function readAll(request: Request, limitBytes: number): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of request.body) {
      length += chunk.length
      // Leaving the loop cancels the stream.
      if (length > limitBytes) break
      chunks.push(chunk)
    }
  } catch {
    throw brokenOff()
  }
  if (length > limitBytes) throw tooLarge(limitBytes)
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)
}
