import { elasticsearch } from '@tailrace/elasticsearch'
import { projection } from 'tailrace'
import { engineAddress } from '../engines/engine-address.ts'
import type { Lab } from '../engines/lab.ts'
import { closedLoop, quantile } from '../harness/closed-loop.ts'
import type { Goal, PreparedGoal } from '../harness/goal.ts'
import {
  applyRows,
  orderRows,
  ProductApply,
  rowOf,
  someRows,
  type KeyedRow,
} from '../workloads/order-rows.ts'

const batchRows = 2_000
const windowRows = 20_000
const naiveRows = 200
/** Half of the rows of a window update an existing document. */
const keys = 100_000
const present = 50_000

/** Documents into a search index with their positions and checkpoint, and reads meanwhile. */
export const searchApplying: readonly Goal[] = [
  {
    id: 'E1.bulk',
    name: `apply documents to a search index, ${batchRows} per batch`,
    unit: 'documents/s',
    target: 0.8,
    sense: 'at-least',
    ceilingName: `_bulk of the same documents, ${batchRows} per request`,
    onRequest: true,
    prepare: (lab) => prepare(lab, 'bulk'),
  },
  {
    id: 'E1.naive',
    name: `apply documents to a search index, ${batchRows} per batch`,
    unit: 'documents/s',
    target: 5,
    sense: 'at-least',
    ceilingName: 'the naive projector: read and write one by one',
    onRequest: true,
    prepare: (lab) => prepare(lab, 'naive'),
  },
]

const Order = projection('bench-order', orderRows)

async function prepare(lab: Lab, by: 'bulk' | 'naive'): Promise<PreparedGoal> {
  const url = engineAddress('opensearch')
  const prefix = `bench-${process.pid}`
  const store = elasticsearch({ url, prefix })
  const opened = await store.open(Order, '0123456789abcdef/1')
  const hand = `${prefix}-hand`
  const { mappings, settings } = await bodyOf(url, `${prefix}.bench-order.v1`)
  await ask(url, 'PUT', `/${hand}`, JSON.stringify({ mappings, settings }))
  const product = new ProductApply(opened)
  let revision = 0
  for (let from = 0; from < present; from += batchRows) {
    const rows = Array.from({ length: batchRows }, (_, i) => rowOf(from + i, 0))
    await product.apply(rows)
    await bulk(url, hand, rows)
  }
  return {
    async product() {
      const rows = someRows(windowRows, ++revision, keys)
      const written = await applyRows(lab, rows, batchRows, (part) => product.apply(part))
      return by === 'bulk'
        ? { ...written, also: await underLoad(lab, product, ++revision) }
        : written
    },
    ceiling: () =>
      by === 'bulk'
        ? applyRows(lab, someRows(windowRows, ++revision, keys), batchRows, (rows) =>
            bulk(url, hand, rows),
          )
        : applyRows(lab, someRows(naiveRows, ++revision, keys), 1, ([row]) =>
            naive(url, hand, row!),
          ),
    async close() {
      await store.drop(Order.name, Order.version)
      await store.close()
      await ask(url, 'DELETE', `/${hand}`)
    },
  }
}

/** Latencies of reads, one after the other, while batches are applied. Milliseconds. */
async function underLoad(
  lab: Lab,
  product: ProductApply,
  revision: number,
): Promise<Record<string, number>> {
  let stop = false
  const rows = someRows(windowRows, revision, keys)
  const writing = (async () => {
    for (let at = 0; !stop; at = (at + batchRows) % windowRows)
      await product.apply(rows.slice(at, at + batchRows))
  })()
  const { reader } = product
  const byKey = await closedLoop(1, lab.seconds, () =>
    reader.get(`order-${Math.floor(Math.random() * present)}`),
  )
  const searches = await closedLoop(1, lab.seconds, () =>
    reader.find({
      where: { status: 'paid', customerId: { gte: Math.floor(Math.random() * 10_000) } },
      sort: [['totalMinor', 'desc']],
    }),
  )
  stop = true
  await writing
  return {
    'key p50 ms': quantile(byKey.latencies, 0.5),
    'key p99 ms': quantile(byKey.latencies, 0.99),
    'search p50 ms': quantile(searches.latencies, 0.5),
    'search p99 ms': quantile(searches.latencies, 0.99),
  }
}

async function bulk(url: string, index: string, rows: readonly KeyedRow[]): Promise<void> {
  const lines = rows.map(
    ({ key, document }) =>
      `{"index":{"_id":"${key}"}}\n${JSON.stringify({ tr: { key, position: '1' }, doc: document })}\n`,
  )
  const answer = await ask(url, 'POST', `/${index}/_bulk`, lines.join(''))
  if ((answer as { readonly errors?: unknown }).errors !== false)
    throw new Error('expected the engine to take every document of the ceiling')
}

async function naive(url: string, index: string, { key, document }: KeyedRow): Promise<void> {
  await ask(url, 'GET', `/${index}/_doc/${key}`)
  const body = JSON.stringify({ tr: { key, position: '1' }, doc: document })
  await ask(url, 'PUT', `/${index}/_doc/${key}`, body)
}

async function ask(url: string, method: string, path: string, body?: string): Promise<unknown> {
  const headers = {
    'content-type': path.endsWith('_bulk') ? 'application/x-ndjson' : 'application/json',
  }
  const answer = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  })
  return answer.json()
}

/** The ceiling's index has the fields, the analysis and the refresh interval of the product's. */
async function bodyOf(url: string, index: string): Promise<Record<string, unknown>> {
  const answer = (await ask(url, 'GET', `/${index}`)) as Record<string, never>
  const { mappings, settings } = answer[index]! as { mappings: object; settings: { index: object } }
  const { refresh_interval, analysis } = settings.index as Record<string, unknown>
  const own = { refresh_interval, analysis, number_of_shards: 1, auto_expand_replicas: '0-1' }
  return { mappings, settings: { index: own } }
}
