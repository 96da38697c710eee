import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { lmdb } from '@tailrace/lmdb'
import { postgres, postgresTables } from '@tailrace/postgres'
import { start, type Running, type StartOptions } from 'tailrace'
import type { ReadStore } from 'tailrace/adapter'
import { orders } from '../../systems/orders/app.ts'
import type { Lab, LabDatabase } from '../engines/lab.ts'

/** The order system of this repository, with its own declarations, tables and stores. */
export interface OrderSystem {
  readonly running: Running
  readonly write: LabDatabase
  readonly read: LabDatabase
  /** Where the status of orders is read from. */
  readonly statusStore: ReadStore
  /** Places one order of two lines; throws when it was not accepted. */
  placeOrder(): Promise<string>
}

export interface OrderSystemOptions extends Pick<StartOptions, 'roles' | 'executor' | 'http'> {
  /** Default: the order system as it is. */
  readonly app?: typeof orders
  /** Connections for commands. Default: that of the product. */
  readonly commandConnections?: number
  /** Default: a new one. */
  readonly write?: LabDatabase
}

export const customer = { role: 'customer', id: 'c-1001' }

const tables = new URL('../../systems/orders/schema/orders.sql', import.meta.url)

/** A database with the tables of the order system. */
export async function orderDatabase(lab: Lab): Promise<LabDatabase> {
  const database = await lab.database('write')
  await database.run(readFileSync(tables, 'utf8'))
  return database
}

export async function startOrderSystem(
  lab: Lab,
  { app = orders, commandConnections, write, ...options }: OrderSystemOptions = {},
): Promise<OrderSystem> {
  const [writeDatabase, read] = await Promise.all([
    write ?? orderDatabase(lab),
    lab.database('read'),
  ])
  const readTables = postgresTables({ url: read.url })
  const statusStore = lmdb({ path: lab.folder('order-status') })
  const running = await start(app, {
    write: postgres({
      url: writeDatabase.url,
      ...(commandConnections === undefined
        ? {}
        : { connections: { commands: commandConnections } }),
    }),
    stores: {
      'order-document': readTables,
      'seller-order': readTables,
      'customer-orders': readTables,
      'seller-queue': readTables,
      operations: readTables,
      'order-status': statusStore,
    },
    doorbell: false,
    ...options,
  })
  return { running, write: writeDatabase, read, statusStore, placeOrder: () => placeOrder(running) }
}

async function placeOrder({ engine }: Running): Promise<string> {
  const orderId = randomUUID()
  const outcome = await engine.command('placeOrder', orderInput(orderId), { actor: customer })
  if (outcome.kind !== 'committed')
    throw new Error(`expected the order to be accepted, got ${JSON.stringify(outcome)}`)
  return orderId
}

/** Two lines of one seller, from the seeded offers. */
export function orderInput(orderId: string): Record<string, unknown> {
  return {
    orderId,
    customerId: customer.id,
    currency: 'EUR',
    items: [
      { sku: 'LMP-1001', quantity: 2 },
      { sku: 'LMP-1011', quantity: 1 },
    ],
  }
}
