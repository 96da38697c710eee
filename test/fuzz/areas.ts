import { BusFuzz } from './bus-fuzz.ts'
import type { FuzzArea } from './fuzz-area.ts'
import { HttpFuzz } from './http-fuzz.ts'
import { OrdersProcess } from './orders-process.ts'

/** Opens an area on two servers with an empty database each. */
type Open = (writeUrl: string, readUrl: string) => Promise<FuzzArea>

export const areas = {
  http: async (writeUrl, readUrl) => {
    const orders = await OrdersProcess.start(writeUrl, readUrl)
    const area = await HttpFuzz.open(orders)
    area.close = () => orders.stop()
    return area
  },
  bus: async () => new BusFuzz(),
} as const satisfies Record<string, Open>

export type AreaName = keyof typeof areas

export function isAreaName(name: string): name is AreaName {
  return Object.hasOwn(areas, name)
}
