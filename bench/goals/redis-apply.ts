import { createClient } from '@redis/client'
import { redis } from '@tailrace/redis'
import { projection } from 'tailrace'
import { engineAddress } from '../engines/engine-address.ts'
import type { Lab } from '../engines/lab.ts'
import { closedLoop, quantile } from '../harness/closed-loop.ts'
import type { Goal, Measured, PreparedGoal } from '../harness/goal.ts'
import { withCpu } from '../harness/measured-window.ts'
import {
  applyRows,
  orderRows,
  ProductApply,
  rowOf,
  someRows,
  type KeyedRow,
} from '../workloads/order-rows.ts'

const batchRows = 500
const windowRows = 40_000
const naiveRows = 2_000
/** At first half of the rows of a window are new; each window leaves fewer. */
const keys = 200_000
const present = 100_000

/** Documents into Redis with their guard and checkpoint, and reads meanwhile. */
export const redisApplying: readonly Goal[] = [
  {
    id: 'R1.bulk',
    name: `apply documents to a Redis read model, ${batchRows} per batch`,
    unit: 'documents/s',
    target: 0.8,
    sense: 'at-least',
    ceilingName: `the driver's pipeline of ${batchRows} SETs, unguarded`,
    onRequest: true,
    prepare: (lab) => prepareApply(lab, Plain, 'pipeline'),
  },
  {
    id: 'R1.updates',
    name: `apply documents that exist to a Redis read model, ${batchRows} per batch`,
    unit: 'documents/s',
    target: 0.8,
    sense: 'at-least',
    ceilingName: `the driver's pipeline of ${batchRows} SETs, unguarded`,
    onRequest: true,
    prepare: (lab) => prepareApply(lab, Plain, 'pipeline', present),
  },
  {
    id: 'R1.lookups',
    name: `apply documents with two lookups to a Redis read model, ${batchRows} per batch`,
    unit: 'documents/s',
    target: 0.8,
    sense: 'at-least',
    ceilingName: `the driver's pipeline of ${batchRows} SETs and their ZADDs, unguarded`,
    onRequest: true,
    prepare: (lab) => prepareApply(lab, Listed, 'pipeline'),
  },
  {
    id: 'R1.naive',
    name: `apply documents to a Redis read model, ${batchRows} per batch`,
    unit: 'documents/s',
    target: 5,
    sense: 'at-least',
    ceilingName: 'the naive projector: read, write and checkpoint one by one',
    onRequest: true,
    prepare: (lab) => prepareApply(lab, Plain, 'naive'),
  },
  {
    id: 'R2.key',
    name: 'read a document of Redis by its key while batches are applied, p50',
    unit: 'ms',
    target: 1.5,
    sense: 'at-most',
    ceilingName: 'GET of the driver and JSON.parse under the same load',
    onRequest: true,
    prepare: (lab) => prepareReads(lab, 'key'),
  },
  {
    id: 'R2.list',
    name: 'read a page of 20 by a lookup of Redis while batches are applied, p50',
    unit: 'ms',
    target: 2,
    sense: 'at-most',
    ceilingName: 'ZRANGE and MGET of the driver and JSON.parse under the same load',
    onRequest: true,
    prepare: (lab) => prepareReads(lab, 'list'),
  },
]

const Plain = projection('bench-plain', orderRows)
const Listed = projection('bench-listed', {
  ...orderRows,
  lookup: {
    by: [
      ['customerId', 'totalMinor'],
      ['status', 'customerId'],
    ],
  },
})

interface Opened {
  readonly client: Driver
  readonly product: ProductApply
  close(): Promise<void>
}

type Driver = ReturnType<typeof createClient>

/** An empty read model with the first half of the keys, and a connection of the driver alone. */
async function opened(def: typeof Plain | typeof Listed): Promise<Opened> {
  const url = engineAddress('redis')
  const client = createClient({ url, commandOptions: { timeout: 0 } }) as Driver
  client.on('error', () => undefined)
  await client.connect()
  const prefix = `bench-${process.pid}`
  const store = redis({ url, prefix })
  const product = new ProductApply(await store.open(def, '0123456789abcdef/1'))
  for (let from = 0; from < present; from += 5_000) {
    const rows = Array.from({ length: 5_000 }, (_, i) => rowOf(from + i, 0))
    await product.apply(rows)
    await pipelined(client, rows, def === Listed)
  }
  return {
    client,
    product,
    async close() {
      await store.drop(def.name, def.version)
      await store.close()
      for await (const page of client.scanIterator({ MATCH: 'hand:*', COUNT: 1_000 }))
        if (page.length > 0) await client.unlink(page)
      client.destroy()
    },
  }
}

async function prepareApply(
  lab: Lab,
  def: typeof Plain | typeof Listed,
  by: 'pipeline' | 'naive',
  among = keys,
): Promise<PreparedGoal> {
  const { client, product, close } = await opened(def)
  let revision = 0
  const window = (
    count: number,
    batch: number,
    apply: (rows: readonly KeyedRow[]) => Promise<void>,
  ) => applyRows(lab, someRows(count, ++revision, among), batch, apply)
  return {
    product: () => window(windowRows, batchRows, (rows) => product.apply(rows)),
    ceiling: () =>
      by === 'pipeline'
        ? window(windowRows, batchRows, (rows) => pipelined(client, rows, def === Listed))
        : window(naiveRows, 1, ([row]) => naive(client, row!)),
    close,
  }
}

/** Reads one after the other while batches are applied by another connection of the same process. */
async function prepareReads(lab: Lab, what: 'key' | 'list'): Promise<PreparedGoal> {
  const { client, product, close } = await opened(Listed)
  const reader = product.reader
  const key = () => `order-${Math.floor(Math.random() * present)}`
  const customer = () => Math.floor(Math.random() * 10_000)
  const byProduct =
    what === 'key'
      ? () => reader.get(key())
      : () => reader.find({ where: { customerId: customer() }, sort: [['totalMinor', 'asc']] })
  const byHand =
    what === 'key'
      ? async () => JSON.parse((await client.get(`hand:${key()}`))!) as unknown
      : async () => {
          const from = `${String(customer()).padStart(6, '0')}|`
          const found = await client.zRange('hand:by-customer', `[${from}`, `(${from}~`, {
            BY: 'LEX',
            LIMIT: { offset: 0, count: 20 },
          })
          const names = found.map((entry) => `hand:${entry.slice(entry.lastIndexOf('|') + 1)}`)
          return (names.length === 0 ? [] : await client.mGet(names)).map(
            (text) => JSON.parse(text!) as unknown,
          )
        }
  let revision = 0
  return {
    product: () => underLoad(lab, product, ++revision, byProduct),
    ceiling: () => underLoad(lab, product, ++revision, byHand),
    close,
  }
}

async function underLoad(
  lab: Lab,
  product: ProductApply,
  revision: number,
  read: () => Promise<unknown>,
): Promise<Measured> {
  let stop = false
  let applied = 0
  const rows = someRows(windowRows, revision, keys)
  const writing = (async () => {
    for (let at = 0; !stop; at = (at + batchRows) % windowRows, applied += batchRows)
      await product.apply(rows.slice(at, at + batchRows))
  })()
  const window = await withCpu(lab.serverPids(), () => closedLoop(1, lab.seconds, read))
  stop = true
  await writing
  return {
    value: quantile(window.latencies, 0.5),
    cpuUsPerOp: window.cpuUsPerOp,
    also: {
      p99: quantile(window.latencies, 0.99),
      'reads/s': window.perSecond,
      'documents/s meanwhile': applied / window.seconds,
    },
  }
}

/** What the server takes in bulk when nothing is compared, removed or remembered. */
async function pipelined(
  client: Driver,
  rows: readonly KeyedRow[],
  listed: boolean,
): Promise<void> {
  const commands = client.multi()
  for (const { key, document } of rows) {
    commands.set(`hand:${key}`, JSON.stringify(document))
    if (!listed) continue
    const customer = String(document.customerId).padStart(6, '0')
    const total = String(document.totalMinor).padStart(12, '0')
    commands.zAdd('hand:by-customer', { score: 0, value: `${customer}|${total}|${key}` })
    commands.zAdd('hand:by-status', { score: 0, value: `${document.status}|${customer}|${key}` })
  }
  commands.set('hand:checkpoint', String(rows.length))
  await commands.execAsPipeline()
}

async function naive(client: Driver, { key, document }: KeyedRow): Promise<void> {
  await client.get(`hand:${key}`)
  await client.set(`hand:${key}`, JSON.stringify(document))
  await client.set('hand:checkpoint', key)
}
