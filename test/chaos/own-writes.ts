import type { Acknowledged } from './order-load.ts'

/** What a caller was told about its own write. */
export interface OwnRead {
  readonly kind: 'fresh' | 'stale' | 'refused' | 'no answer'
  /** An answer that is not marked as stale and lacks the write. */
  readonly breach?: string
}

/** Above the longest wait that a question may ask for. */
const answerMs = 10_000

/** Asks for the state of an order with the token of its last command. */
export async function readBackOwn(url: string, written: Acknowledged): Promise<OwnRead> {
  const { orderId, version, token } = written
  let response: Response
  let body: { data?: { version: number } | null; meta?: { stale: boolean } }
  try {
    response = await fetch(`${url}/queries/orderStatus`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer demo:support:chaos',
        'consistency-token': token,
      },
      body: JSON.stringify({ orderId }),
      signal: AbortSignal.timeout(answerMs),
    })
    body = (await response.json()) as typeof body
  } catch {
    return { kind: 'no answer' }
  }
  if (response.status !== 200) return { kind: 'refused' }
  if (body.meta?.stale !== false) return { kind: 'stale' }
  if ((body.data?.version ?? 0) >= version) return { kind: 'fresh' }
  const got = JSON.stringify(body)
  return {
    kind: 'fresh',
    breach: `order ${orderId} was written at version ${version}, and an answer with that token says ${got}`,
  }
}
