import type { Actor } from 'tailrace'

/** A request as the endpoints see it, whichever server received it. Header names are lower case. */
export interface Inbound {
  readonly method: string
  /** The path as sent, percent-encoded, without the query string. */
  readonly path: string
  /** The query string without its `?`. */
  readonly search: string
  header(name: string): string | undefined
  /** Reads the whole body. Rejects with a 413 problem as soon as it is longer than the limit, with 400 when its sender broke it off. */
  body(limitBytes: number): Promise<Uint8Array>
  /** Aborts when the caller is gone. Made on first use. */
  signal(): AbortSignal
  /** The address of the peer of the connection; undefined where there is none. */
  readonly peer: string | undefined
}

/** An answer as the endpoints give it. Streams are the business of `/live` alone. */
export interface Reply {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body?: string
}

/** Finds out who asks. Throws a `ProblemError` (401) for credentials that do not hold; no credentials: undefined. */
export interface Identity {
  (request: IdentityRequest): Actor | undefined | Promise<Actor | undefined>
  /**
   * All of a request that the identity depends on, as one text: of equal texts, the second may be taken for the first
   * for some milliseconds. Absent: nothing is assumed.
   */
  readonly keyOf?: (request: IdentityRequest) => string
}

/** Nobody is authenticated. */
export const nobody: Identity = Object.assign(() => undefined, { keyOf: () => '' })

export type IdentityRequest = Pick<Inbound, 'header' | 'peer'>

export function jsonReply(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  }
}
