import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lmdb } from '@tailrace/lmdb'
import { postgres, postgresTables } from '@tailrace/postgres'
import { Client } from 'pg'
import { start, type Actor, type Engine, type Running, type StartOptions } from 'tailrace'
import { ordersApp, type OrdersOptions } from '../../systems/orders/app.ts'
import { seededOffers } from '../../systems/orders/seeded-offers.ts'
import { freshDatabase, type FreshDatabase } from './postgres.ts'

/** The order system on databases of its own, as a test uses it. */
export interface RunningOrders {
  readonly engine: Engine
  readonly write: FreshDatabase
  readonly read: FreshDatabase
  /** Sends a command that is expected to be committed; answers its token. */
  done(name: string, actor: Actor, input: unknown): Promise<string>
  /** The data of a query, not older than the tokens. */
  ask<T>(name: string, actor: Actor, input: unknown, ...tokens: string[]): Promise<T>
  stop(): Promise<void>
}

const schema = readFileSync(
  join(import.meta.dirname, '../../systems/orders/schema/orders.sql'),
  'utf8',
)

export async function runningOrders(
  options: Partial<OrdersOptions> = {},
  more: Pick<StartOptions, 'bus'> = {},
): Promise<RunningOrders> {
  const [write, read] = await Promise.all([freshDatabase(), freshDatabase()])
  const folder = mkdtempSync(join(tmpdir(), 'orders-'))
  await runSql(write.url, schema)
  const tables = postgresTables({ url: read.url })
  const running = await start(ordersApp({ offers: seededOffers(), ...options }), {
    write: postgres({ url: write.url }),
    stores: {
      'order-document': tables,
      'seller-order': tables,
      'customer-orders': tables,
      'seller-queue': tables,
      operations: tables,
      'order-status': lmdb({ path: join(folder, 'order-status') }),
    },
    ...more,
  })
  return {
    ...helpers(running),
    write,
    read,
    async stop() {
      await running.stop()
      rmSync(folder, { recursive: true })
      await Promise.all([write.drop(), read.drop()])
    },
  }
}

/** Rows of a statement on a database. */
export async function runSql<T>(url: string, sql: string): Promise<T[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const result = await client.query(sql)
    return result.rows as T[]
  } finally {
    await client.end()
  }
}

function helpers({ engine }: Running): Pick<RunningOrders, 'engine' | 'done' | 'ask'> {
  return {
    engine,
    async done(name, actor, input) {
      const outcome = await engine.command(name, input, { actor })
      if (outcome.kind !== 'committed')
        throw new Error(`expected ${name} to be committed, got ${JSON.stringify(outcome)}`)
      return outcome.token
    },
    async ask<T>(name: string, actor: Actor, input: unknown, ...tokens: string[]) {
      const outcome = await engine.query(name, input, { actor, tokens, waitMs: 5_000 })
      // Not `stale`: an answer that holds all that its tokens stand for is late on a busy machine.
      if (outcome.kind !== 'answer' || outcome.meta.behindToken)
        throw new Error(`expected ${name} to hold its tokens, got ${JSON.stringify(outcome)}`)
      return outcome.data as T
    },
  }
}
