import { noEngines } from '../../systems/orders/engines.ts'
import { audit } from '../chaos/audit.ts'
import { storesOf } from '../chaos/chaos-stores.ts'
import type { ChaosWorld } from '../chaos/chaos-world.ts'
import type { OrdersProcess } from './orders-process.ts'

/** A command that was answered as committed. */
export interface Taken {
  readonly commandId: string
  readonly orderId: string
  readonly version: number
  readonly token: string
}

const settleMs = 60_000

/** Waits until everything has its place and is projected, and compares commands, log, tables and read models. */
export async function ledgerBreaches(
  orders: OrdersProcess,
  taken: readonly Taken[],
): Promise<readonly string[]> {
  const unsettled = await settled(orders)
  if (unsettled !== undefined) return [unsettled]
  const { writeUrl, readUrl, dataDir } = orders.place
  // The audit of the chaos tests asks for no more of its world than this.
  const world = {
    write: { url: writeUrl },
    read: { url: readUrl },
    dataDir,
    stores: () => storesOf(readUrl, dataDir, noEngines),
  }
  const { breaches } = await audit(world as unknown as ChaosWorld, taken)
  return breaches
}

interface Status {
  readonly head: {
    readonly position: string
    readonly at: string
    readonly unsequenced: number
  }
  readonly projections: Readonly<
    Record<
      string,
      { readonly position: string; readonly parkedKeys: number; readonly state: string }
    >
  >
}

/** Names of read models that are not followed any more: somebody has to look at them, and start their worker again. */
export async function givenUp({ url }: OrdersProcess): Promise<readonly string[]> {
  const { projections } = (await (await fetch(`${url}/status`)).json()) as Status
  return Object.entries(projections).flatMap(([name, { state }]) =>
    state === 'failed' ? [name] : [],
  )
}

/** Why it does not come to rest; undefined when everything has its place and is projected. */
export async function settled({ url }: OrdersProcess): Promise<string | undefined> {
  const end = performance.now() + settleMs
  // A status is as old as its head: one from before the last command knows nothing of it.
  const began = Date.now()
  await keepLooking(url)
  for (;;) {
    const status = (await (await fetch(`${url}/status`)).json()) as Status
    const all = Object.values(status.projections)
    const parked = all.reduce((sum, { parkedKeys }) => sum + parkedKeys, 0)
    if (parked > 0) return `${parked} keys are parked: ${JSON.stringify(status.projections)}`
    const behind = all.filter(({ position }) => BigInt(position) < BigInt(status.head.position))
    const seenSince = Date.parse(status.head.at) > began
    if (seenSince && behind.length === 0 && !(status.head.unsequenced > 0)) return undefined
    if (performance.now() > end) return `not at rest: ${JSON.stringify(status)}`
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** While somebody asks, the system looks at its log ten times as often. */
async function keepLooking(url: string): Promise<void> {
  const response = await fetch(`${url}/queries/operations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer demo:support:fuzz' },
    body: '{}',
  })
  await response.arrayBuffer()
}
