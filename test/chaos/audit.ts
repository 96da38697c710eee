import { canonical, cleanFold, readBack } from '@tailrace/conformance'
import { postgres } from '@tailrace/postgres'
import { Client } from 'pg'
import { foldLog } from 'tailrace/testing'
import type { AggregateRows, App, RecordedEvent } from 'tailrace/adapter'
import { systemClock } from '../../packages/tailrace/src/run/system-clock.ts'
import { orders } from '../../systems/orders/app.ts'
import { Order } from '../../systems/orders/write/order.ts'
import type { Operation } from '../../packages/simulator/src/checker/history.ts'
import type { ChaosWorld } from './chaos-world.ts'
import type { Acknowledged } from './order-load.ts'
import { checkHistory } from './run-history.ts'

export interface Audit {
  readonly events: number
  readonly documents: number
  /** Empty when every promise held; else one line per breach. */
  readonly breaches: readonly string[]
}

export interface AuditOptions {
  /** How many releases later the read models are than declared. Default: 0. */
  readonly release?: number
  readonly operations?: readonly Operation[]
}

/**
 * Compares what was acknowledged, the log, the tables and the read models (of this release) of a world that has settled, and
 * what callers did and were told on the way, as far as that was kept.
 */
export async function audit(
  world: ChaosWorld,
  acknowledged: readonly Acknowledged[],
  { release = 0, operations = [] }: AuditOptions = {},
): Promise<Audit> {
  const breaches: string[] = []
  const write = await postgres({ url: world.write.url, onWarning: () => undefined }).open(
    orders as App,
    {
      clock: systemClock(),
    },
  )
  try {
    const events: RecordedEvent[] = []
    const head = await write.log.head()
    for await (const page of write.log.scan({ after: 0n, through: head.position }))
      events.push(...page.events)
    checkLog(events, head.unsequenced, breaches)
    checkAcknowledged(events, acknowledged, breaches)
    await checkTables(world.write.url, events, breaches)
    if (operations.length > 0)
      breaches.push(...(await checkHistory(world.write.url, events, operations)))
    const history = `${head.systemId}/${head.epoch}`
    const documents = await checkReadModels(world, { history, release, events }, breaches)
    return { events: events.length, documents, breaches }
  } finally {
    await write.close()
  }
}

function checkLog(events: readonly RecordedEvent[], unsequenced: number, breaches: string[]): void {
  if (unsequenced > 0) breaches.push(`${unsequenced} events have no position`)
  const versions = new Map<string, number>()
  const ids = new Set<string>()
  events.forEach((event, i) => {
    if (event.position !== BigInt(i + 1)) breaches.push(`position ${event.position} follows ${i}`)
    const expected = (versions.get(event.stream) ?? 0) + 1
    if (event.version !== expected)
      breaches.push(`stream ${event.stream}: version ${event.version}, expected ${expected}`)
    versions.set(event.stream, event.version)
    const id = `${event.commandId}/${event.ordinal}`
    if (ids.has(id)) breaches.push(`event ${id} is in the log twice`)
    ids.add(id)
  })
}

function checkAcknowledged(
  events: readonly RecordedEvent[],
  acknowledged: readonly Acknowledged[],
  breaches: string[],
): void {
  const last = new Map<string, number>()
  for (const event of events)
    last.set(event.commandId, Math.max(last.get(event.commandId) ?? 0, event.version))
  for (const { commandId, version, orderId } of acknowledged) {
    if (last.get(commandId) !== version) {
      breaches.push(
        `command ${commandId} of order ${orderId} was acknowledged at version ${version}, the log has ${last.get(commandId)}`,
      )
    }
  }
  const twice = acknowledged.length - new Set(acknowledged.map(({ commandId }) => commandId)).size
  if (twice > 0) breaches.push(`${twice} command ids were acknowledged for two intents`)
}

/** The tables are what the log says: every state change has its event and the other way round. */
async function checkTables(
  url: string,
  events: readonly RecordedEvent[],
  breaches: string[],
): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const wanted = foldLog(Order as never, events)
    const { rows } = await client.query<{
      id: string
      status: string
      version: number
      items: string
      paid: string
    }>(
      `select o.id, o.status, o.version,
        (select count(*) from order_items i where i.order_id = o.id) items,
        (select coalesce(sum(p.amount_minor), 0) from payments p where p.order_id = o.id) paid
       from orders o`,
    )
    if (rows.length !== wanted.size)
      breaches.push(`${rows.length} orders in the table, ${wanted.size} in the log`)
    for (const row of rows) {
      const found = canonical([row.status, row.version, Number(row.items), Number(row.paid)])
      const told = summary(wanted.get(row.id))
      if (found !== told) breaches.push(`order ${row.id}: the table says ${found}, the log ${told}`)
    }
  } finally {
    await client.end()
  }
}

function summary(rows: AggregateRows | undefined): string {
  if (rows === undefined) return 'nothing'
  const { items = [], payments = [] } = rows.children
  const paid = payments.reduce((sum, payment) => sum + Number(payment['amountMinor']), 0)
  return canonical([rows.root['status'], rows.root['version'], items.length, paid])
}

interface Wanted {
  readonly history: string
  readonly release: number
  readonly events: readonly RecordedEvent[]
}

async function checkReadModels(
  world: ChaosWorld,
  { history, release, events }: Wanted,
  breaches: string[],
): Promise<number> {
  const stores = world.stores()
  let documents = 0
  try {
    for (const declared of orders.projections.values()) {
      const version = declared.version + release
      const projection = { ...declared, version }
      const place = stores.of(projection.name)
      const live = await place.liveVersion(projection.name)
      if (live !== version)
        breaches.push(`${projection.name}: readers are on version ${live}, expected ${version}`)
      const found = await readBack(projection, await place.open(projection, history))
      const wanted = cleanFold(projection, events)
      documents += wanted.size
      if (found.size !== wanted.size)
        breaches.push(
          `${projection.name}: ${found.size} documents, a clean fold has ${wanted.size}`,
        )
      for (const [key, document] of wanted) {
        if (found.get(key) !== canonical(document)) {
          breaches.push(
            `${projection.name}/${key}: ${found.get(key)}, a clean fold has ${canonical(document)}`,
          )
        }
      }
    }
  } finally {
    await stores.close()
  }
  return documents
}
