import type { EngineStatus } from 'tailrace'
import type { Reachable } from './order-load.ts'

const settleMs = 90_000

/** Waits until every read model has all there is, asking the API as an operator would. */
export async function settled(api: Reachable): Promise<EngineStatus> {
  // A status is as old as its head, by the clock of the database, which runs on this machine.
  const began = Date.now()
  const deadline = began + settleMs
  let last: unknown = 'no answer'
  while (Date.now() < deadline) {
    const status = await statusOf(api).catch((error: Error) => error)
    if (!(status instanceof Error)) {
      const { head, projections } = status
      const behind = Object.values(projections).filter(
        ({ lagEvents, position }) => lagEvents > 0 || position !== head.position,
      )
      const seenSince = Date.parse(head.at) > began
      if (seenSince && head.unsequenced === 0 && behind.length === 0) return status
    }
    last = status
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(
    `the system did not settle in ${settleMs} ms: ${JSON.stringify(last instanceof Error ? last.message : last)}`,
  )
}

async function statusOf(api: Reachable): Promise<EngineStatus> {
  const response = await fetch(`${api.url}/status`, {
    headers: { authorization: 'Bearer demo:support:chaos' },
    signal: AbortSignal.timeout(5_000),
  })
  if (!response.ok) throw new Error(`status ${response.status}`)
  return (await response.json()) as EngineStatus
}
