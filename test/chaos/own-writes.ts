import { canonicalText } from '../../packages/simulator/src/checker/canonical-text.ts'
import type { QueryResult } from '../../packages/simulator/src/checker/history.ts'
import type { Acknowledged } from './order-load.ts'

/** Above the longest wait that a question may ask for. */
const answerMs = 10_000

interface Body {
  readonly data?: unknown
  readonly meta?: {
    readonly position: string
    readonly asOf: string
    readonly stale: boolean
    readonly behindToken?: true
    readonly parked?: Readonly<Record<string, readonly string[]>>
  }
  readonly code?: string
}

/** Asks for the state of an order with the token of its last command. */
export async function readBackOwn(
  url: string,
  { orderId, token }: Acknowledged,
): Promise<QueryResult> {
  const began = performance.now()
  try {
    const response = await fetch(`${url}/queries/orderStatus`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer demo:support:chaos',
        'consistency-token': token,
      },
      body: JSON.stringify({ orderId }),
      signal: AbortSignal.timeout(answerMs),
    })
    // A process may be stopped, and its network may be slow: how long it took says nothing.
    const took = { tookMs: performance.now() - began, stoodStill: true }
    const body = (await response.json()) as Body
    if (body.meta === undefined) return { kind: 'refused', code: body.code ?? 'UNKNOWN', ...took }
    return { kind: 'answer', ...answerOf(body.data, body.meta), ...took }
  } catch (error) {
    return { kind: 'info', error: String(error) }
  }
}

function answerOf(data: unknown, meta: NonNullable<Body['meta']>) {
  const { position, asOf, stale, behindToken = false, parked = {} } = meta
  return {
    document: data === null ? null : { text: canonicalText(data), generation: 1 },
    position: BigInt(position),
    asOfMs: Date.parse(asOf),
    stale,
    behindToken,
    parked: Object.keys(parked).length > 0,
  }
}
