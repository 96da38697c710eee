import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { http } from '@tailrace/http'
import { eventual } from 'tailrace'
import { orders } from '../../systems/orders/app.ts'
import { httpLoad } from '../engines/http-load.ts'
import type { Lab } from '../engines/lab.ts'
import { quantile } from '../harness/closed-loop.ts'
import type { Goal, Measured, PreparedGoal } from '../harness/goal.ts'
import { customer, startOrderSystem, type OrderSystem } from '../workloads/order-system.ts'

const connections = 32
const ordersAsked = 500

const common = {
  unit: 'requests/s',
  sense: 'at-least',
  ceilingName: 'node:http with a ready-made answer of the same bytes',
} as const

/** The Query API over HTTP, freshness in headers and body, beside what `node:http` does with the answer in hand. */
export const queryApi: readonly Goal[] = [
  {
    ...common,
    id: 'P12.cached',
    name: `GET one order over and over, ${connections} connections`,
    target: 0.9,
    prepare: (lab) => prepare(lab, ([first]) => [orderPath(first!)], withReuse),
  },
  {
    ...common,
    id: 'P12.kv',
    name: `GET the status of ${ordersAsked} orders in turn from LMDB, ${connections} connections`,
    target: 0.65,
    prepare: (lab) => prepare(lab, (ids) => ids.map(statusPath)),
  },
]

/** The order system whose one change is that an answer may serve the same question again for a moment. */
const withReuse: typeof orders = {
  ...orders,
  queries: {
    ...orders.queries,
    order: { ...orders.queries.order, freshness: eventual({ wait: '2s', reuse: '100ms' }) },
  },
}

function orderPath(orderId: string): string {
  return `/queries/order?input=${encodeURIComponent(JSON.stringify({ orderId }))}`
}

function statusPath(orderId: string): string {
  return `/queries/orderStatus?input=${encodeURIComponent(JSON.stringify({ orderId }))}`
}

async function prepare(
  lab: Lab,
  pathsOf: (orderIds: readonly string[]) => readonly string[],
  app = orders,
): Promise<PreparedGoal> {
  const system = await startOrderSystem(lab, { app, http: http({ port: 0 }) })
  const orderIds = await Promise.all(Array.from({ length: ordersAsked }, system.placeOrder))
  const paths = pathsOf(orderIds)
  const bare = await bareServer(await answerOf(system, paths[0]!))
  const side = (port: number): Promise<Measured> => load(lab, port, paths)
  return {
    product: () => side(Number(new URL(system.running.url!).port)),
    ceiling: () => side((bare.address() as AddressInfo).port),
    async close() {
      bare.closeAllConnections()
      await new Promise((resolve) => bare.close(resolve))
      await system.running.stop()
    },
  }
}

const authorization = `Bearer demo:${customer.role}:${customer.id}`

/** The product's answer once the order is visible: status, headers and body, byte by byte. */
async function answerOf(
  { running }: OrderSystem,
  path: string,
): Promise<{ headers: Headers; body: string }> {
  for (let attempt = 1; attempt <= 500; attempt++) {
    const response = await fetch(new URL(path, running.url), { headers: { authorization } })
    const body = await response.text()
    if (response.status !== 200) throw new Error(`expected 200, got ${response.status} ${body}`)
    if ((JSON.parse(body) as { data: unknown }).data !== null)
      return { headers: response.headers, body }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('expected the order to become visible within 10 s, got null')
}

async function bareServer({ headers, body }: { headers: Headers; body: string }): Promise<Server> {
  const own = Object.fromEntries(
    [...headers].filter(
      ([name]) => !['connection', 'date', 'keep-alive', 'transfer-encoding'].includes(name),
    ),
  )
  const bytes = Buffer.from(body)
  const server = createServer((_, response) => {
    response.writeHead(200, own)
    response.end(bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

/** Servers are in this process, the load in another: the CPU time is that of the server alone. */
async function load(lab: Lab, port: number, paths: readonly string[]): Promise<Measured> {
  const before = process.cpuUsage()
  const { answered, seconds, latencies } = await httpLoad({
    port,
    connections,
    seconds: lab.seconds,
    requests: paths.map(
      (path) =>
        `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: ${authorization}\r\n\r\n`,
    ),
  })
  const { user, system } = process.cpuUsage(before)
  return {
    value: answered / seconds,
    cpuUsPerOp: (user + system) / answered,
    also: { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) },
  }
}
