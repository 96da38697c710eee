import { createClient, ClickHouseLogLevel, type ClickHouseClient } from '@clickhouse/client'
import { clickhouse, clickhouseSql } from '@tailrace/clickhouse'
import { event, rowsProjection } from 'tailrace'
import type { ApplyBatch, DocumentReader, ProjectionStore } from 'tailrace/adapter'
import { z } from 'zod'
import { engineAddress } from '../engines/engine-address.ts'
import type { Lab } from '../engines/lab.ts'
import { quantile } from '../harness/closed-loop.ts'
import type { Goal, Measured, PreparedGoal } from '../harness/goal.ts'
import { withCpu } from '../harness/measured-window.ts'

const batchRows = 25_000
const windowRows = 200_000
const naiveRows = 300
const present = 1_000_000

/** Rows of events into ClickHouse through the port, and what reads cost while they come.  */
export const clickhouseRows: readonly Goal[] = [
  {
    id: 'C1.bulk',
    name: `append rows to ClickHouse with checkpoints, ${batchRows.toLocaleString('en')} per batch`,
    unit: 'rows/s',
    target: 0.8,
    sense: 'at-least',
    ceilingName: `its client's own insert of ready arrays, ${batchRows.toLocaleString('en')} rows each, without checkpoints`,
    onRequest: true,
    prepare: (lab) => prepareApply(lab, 'bulk'),
  },
  {
    id: 'C1.naive',
    name: `append rows to ClickHouse with checkpoints, ${batchRows.toLocaleString('en')} per batch`,
    unit: 'rows/s',
    target: 40,
    sense: 'at-least',
    ceilingName: 'the naive projector: one insert per event',
    onRequest: true,
    prepare: (lab) => prepareApply(lab, 'naive'),
  },
  {
    id: 'C2.key',
    name: `a row by its key among ${present.toLocaleString('en')}, while batches come`,
    unit: 'ms p50',
    target: 1.5,
    sense: 'at-most',
    ceilingName: 'the same SELECT … FINAL by hand, at the same time',
    onRequest: true,
    prepare: (lab) => prepareReads(lab, 'key'),
  },
  {
    id: 'C2.sum',
    name: `sums by day and status of ${present.toLocaleString('en')} rows, while batches come`,
    unit: 'ms p50',
    target: 1.5,
    sense: 'at-most',
    ceilingName: 'the same SELECT … FINAL by hand, at the same time',
    onRequest: true,
    prepare: (lab) => prepareReads(lab, 'sum'),
  },
]

const Changed = event('Changed', z.object({}))

const Facts = rowsProjection('order-facts', {
  version: 1,
  from: [Changed],
  row: z.object({
    orderId: z.uuid(),
    customerId: z.int(),
    status: z.enum(['placed', 'paid', 'shipped', 'delivered']),
    currency: z.enum(['EUR', 'USD']),
    totalMinor: z.int(),
    lines: z.int(),
    at: z.iso.datetime(),
  }),
  on: { Changed: () => [] },
})

const statuses = ['placed', 'paid', 'shipped', 'delivered'] as const
const firstMs = Date.UTC(2026, 0, 1)

function rowOf(n: number) {
  return {
    orderId: `00000000-0000-7000-8000-${(n % 250_000).toString(16).padStart(12, '0')}`,
    customerId: n % 10_000,
    status: statuses[n % 4]!,
    currency: n % 3 === 0 ? ('USD' as const) : ('EUR' as const),
    totalMinor: 4_200 + (n % 997),
    lines: 1 + (n % 5),
    at: new Date(firstMs + (n % 2_592_000) * 1_000).toISOString(),
  }
}

interface Opened {
  readonly database: string
  readonly client: ClickHouseClient
  readonly store: ProjectionStore
  readonly close: () => Promise<void>
}

async function open(): Promise<Opened> {
  const url = engineAddress('clickhouse')
  const database = `bench_${process.pid}_${Math.random().toString(36).slice(2, 8)}`
  const client = createClient({ url, log: { level: ClickHouseLogLevel.OFF } })
  const readStore = clickhouse({ url, database })
  const store = await readStore.open(Facts, '0123456789abcdef/1')
  return {
    database,
    client,
    store,
    async close() {
      await readStore.close()
      await client.command({ query: `DROP DATABASE ${database} SYNC` })
      await client.close()
    },
  }
}

/** The worker's way in: the port of the store, with checkpoints that move. */
class ProductApply {
  readonly #store: ProjectionStore
  at = 0

  constructor(store: ProjectionStore) {
    this.#store = store
  }

  async apply(count: number): Promise<void> {
    const from = this.at
    const rows: ApplyBatch['rows'] = Array.from({ length: count }, (_, i) => ({
      position: BigInt(from + i + 1),
      ordinal: 0,
      row: rowOf(from + i + 1),
    }))
    const move = {
      range: 0,
      slots: { from: 0, to: 255 },
      fence: 1n,
      from: from === 0 ? undefined : BigInt(from),
      to: BigInt(from + count),
    }
    await this.#store.apply({ moves: [move], changes: [], rows, park: [] })
    this.at = from + count
  }
}

async function prepareApply(lab: Lab, by: 'bulk' | 'naive'): Promise<PreparedGoal> {
  const { client, database, store, close } = await open()
  const product = new ProductApply(store)
  const table = `${database}.by_hand`
  await client.command({
    query: `CREATE TABLE ${table} (position UInt64, ordinal UInt32, order_id UUID, customer_id Int64,
      status LowCardinality(String), currency LowCardinality(String), total_minor Int64, lines Int64, at DateTime64(3, 'UTC'))
      ENGINE = MergeTree ORDER BY (position, ordinal)`,
  })
  let written = 0
  const byHand = async (count: number): Promise<void> => {
    const values = Array.from({ length: count }, () => {
      const row = rowOf(++written)
      const at = row.at.replace('T', ' ').slice(0, 23)
      return [
        written,
        0,
        row.orderId,
        row.customerId,
        row.status,
        row.currency,
        row.totalMinor,
        row.lines,
        at,
      ]
    })
    await client.insert({ table, values, format: 'JSONCompactEachRow' })
  }
  return {
    product: () => measured(lab, windowRows, batchRows, (count) => product.apply(count)),
    ceiling: () =>
      by === 'bulk'
        ? measured(lab, windowRows, batchRows, byHand)
        : measured(lab, naiveRows, 1, byHand),
    close,
  }
}

async function measured(
  lab: Lab,
  rows: number,
  batch: number,
  write: (count: number) => Promise<void>,
): Promise<Measured> {
  const began = performance.now()
  const { cpuUsPerOp } = await withCpu(lab.serverPids(), async () => {
    for (let done = 0; done < rows; done += batch) await write(batch)
    return { operations: rows }
  })
  return { value: (rows * 1_000) / (performance.now() - began), cpuUsPerOp }
}

async function prepareReads(lab: Lab, what: 'key' | 'sum'): Promise<PreparedGoal> {
  const { client, database, store, close } = await open()
  const writer = new ProductApply(store)
  while (writer.at < present) await writer.apply(50_000)
  const reader = store.reader() as unknown as DocumentReader<unknown>
  const sql = clickhouseSql(reader)
  const table = `${database}.order_facts_v1`
  const sums = (from: string): string =>
    `SELECT toDate(at) AS day, status, sum(total_minor) AS total, count() AS n FROM ${from} WHERE currency = 'EUR' GROUP BY day, status ORDER BY day, status`
  const hand = async (query: string): Promise<void> => {
    const rows = await (await client.query({ query, format: 'JSONEachRow' })).json()
    if (rows.length === 0) throw new Error('expected rows, got none')
  }
  const someKey = (): number => 1 + Math.floor(Math.random() * present)
  const product = async (): Promise<void> => {
    if (what === 'sum') return void (await sql.query(sums('$order_facts')))
    const key = `${String(someKey()).padStart(20, '0')}/0000000000`
    if ((await reader.get(key)) === undefined) throw new Error(`expected the row ${key}, got none`)
  }
  const byHand = (): Promise<void> =>
    hand(
      what === 'sum'
        ? sums(`${table} FINAL`)
        : `SELECT * FROM ${table} FINAL WHERE _position = ${someKey()} AND _ordinal = 0`,
    )
  return {
    product: () => underLoad(lab, writer, product),
    ceiling: () => underLoad(lab, writer, byHand),
    close,
  }
}

/** Batches of a worker near the head, ten a second, beside one reader. */
async function underLoad(
  lab: Lab,
  writer: ProductApply,
  read: () => Promise<void>,
): Promise<Measured> {
  const end = performance.now() + lab.seconds * 1_000
  const latencies: number[] = []
  const writing = (async () => {
    for (let next = performance.now(); performance.now() < end;) {
      await writer.apply(1_000)
      next += 100
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())))
    }
  })()
  // The one who waits for it below gets the error; a read that failed before is the one to be told of.
  writing.catch(() => undefined)
  const { cpuUsPerOp } = await withCpu(lab.serverPids(), async () => {
    while (performance.now() < end) {
      const began = performance.now()
      await read()
      latencies.push(performance.now() - began)
    }
    return { operations: latencies.length }
  })
  await writing
  const sorted = latencies.toSorted((a, b) => a - b)
  return {
    value: quantile(sorted, 0.5),
    cpuUsPerOp,
    also: { p99: quantile(sorted, 0.99), reads: sorted.length },
  }
}
