import { join } from 'node:path'
import { lmdb } from '@tailrace/lmdb'
import { postgresTables } from '@tailrace/postgres'
import type { ReadStore } from 'tailrace/adapter'
import type { Engines } from '../../systems/orders/engines.ts'

/** Where the read models of the order system are, opened by a test beside its processes. */
export interface ChaosStores {
  of(projection: string): ReadStore
  close(): Promise<void>
}

export function storesOf(readUrl: string, dataDir: string, engines: Engines): ChaosStores {
  const tables = postgresTables({ url: readUrl })
  const status = lmdb({ path: join(dataDir, 'order-status') })
  const all = new Set([tables, status, ...Object.values(engines.stores)])
  return {
    of: (projection) =>
      engines.stores[projection] ?? (projection === 'order-status' ? status : tables),
    async close() {
      await Promise.all([...all].map((store) => store.close()))
      await engines.bus?.close()
    },
  }
}
