import { lmdb } from '@tailrace/lmdb'
import { postgres, postgresTables } from '@tailrace/postgres'
import { start } from 'tailrace'
import { orders } from '../../systems/orders/app.ts'

/** Sent to this process once. */
export interface CatchUpRequest {
  readonly writeUrl: string
  readonly readUrl: string
  readonly statusPath: string
  /** Decimal: every read model is to reach it. */
  readonly position: string
}

process.once('message', (message) => {
  catchUp(message as CatchUpRequest).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})

/** Runs a worker with all read models of the order system; says `done` when they are there, and ends with its parent's wish. */
async function catchUp({ writeUrl, readUrl, statusPath, position }: CatchUpRequest): Promise<void> {
  const tables = postgresTables({ url: readUrl })
  const running = await start(orders, {
    write: postgres({ url: writeUrl }),
    stores: {
      'order-document': tables,
      'seller-order': tables,
      'customer-orders': tables,
      'seller-queue': tables,
      operations: tables,
      'order-status': lmdb({ path: statusPath }),
    },
    roles: ['worker'],
    doorbell: false,
  })
  process.once('disconnect', () => void running.stop().then(() => process.exit(0)))
  for (;;) {
    const { projections } = await running.engine.status()
    const all = Object.values(projections)
    const failed = all.find(({ state }) => state === 'failed')
    if (failed !== undefined) throw new Error(failed.lastError)
    if (all.every((one) => BigInt(one.position) >= BigInt(position))) break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  process.send!('done')
}
