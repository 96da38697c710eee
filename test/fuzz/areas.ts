import { BusFuzz } from './bus-fuzz.ts'
import type { FuzzArea } from './fuzz-area.ts'
import { HttpFuzz } from './http-fuzz.ts'
import { OrdersProcess } from './orders-process.ts'
import { StoresFuzz } from './stores-fuzz.ts'

/** Opens an area on two servers with an empty database each. */
type Open = (writeUrl: string, readUrl: string) => Promise<FuzzArea>

export const areas = {
  http: (writeUrl, readUrl) => overOrders(writeUrl, readUrl, HttpFuzz.open),
  bus: async () => new BusFuzz(),
  stores: (writeUrl, readUrl) => overOrders(writeUrl, readUrl, StoresFuzz.open),
} as const satisfies Record<string, Open>

async function overOrders(
  writeUrl: string,
  readUrl: string,
  open: (orders: OrdersProcess) => Promise<FuzzArea>,
): Promise<FuzzArea> {
  const orders = await OrdersProcess.start(writeUrl, readUrl)
  const area = await open(orders).catch(async (error: unknown) => {
    await orders.stop()
    throw error
  })
  return {
    name: area.name,
    run: (seed) => area.run(seed),
    finish: () => area.finish(),
    summary: () => area.summary(),
    close: async () => {
      await area.close()
      await orders.stop()
    },
  }
}

export type AreaName = keyof typeof areas

export function isAreaName(name: string): name is AreaName {
  return Object.hasOwn(areas, name)
}
