import { Client } from 'pg'
import type { Running } from 'tailrace'
import { slotOf } from 'tailrace/adapter'
import type { Lab, LabDatabase } from '../engines/lab.ts'
import { customer, orderInput, startOrderSystem } from './order-system.ts'

/**
 * Fills an event log with the lives of orders: four events each (placed, payment registered, paid, shipped), with the
 * payloads that the product's own commands wrote for one order. Sequenced by the product's sequencer.
 */
export async function generateLog(
  lab: Lab,
  write: LabDatabase,
  events: number,
): Promise<{ readonly first: bigint; readonly head: bigint }> {
  const { running } = await startOrderSystem(lab, { write, roles: ['api', 'sequencer'] })
  try {
    const orders = Math.ceil(events / eventsPerOrder)
    const sample = await liveOneOrder(running)
    const before = await sequenced(running, 0n)
    await insertOrders(write, sample, orders)
    const head = before + BigInt(orders * eventsPerOrder)
    await sequenced(running, head)
    return { first: before + 1n, head }
  } finally {
    await running.stop()
  }
}

const eventsPerOrder = 4
const ordersPerStatement = 2_500
const sequencedWithinMs = 300_000

async function liveOneOrder({ engine }: Running): Promise<string> {
  const orderId = uuidOf(0)
  const send = async (name: string, input: unknown, actor = support): Promise<void> => {
    const outcome = await engine.command(name, input, { actor })
    if (outcome.kind !== 'committed')
      throw new Error(`expected "${name}" to be accepted, got ${JSON.stringify(outcome)}`)
  }
  await send('placeOrder', orderInput(orderId), customer)
  await send('registerPayment', {
    orderId,
    paymentId: '00000000-0000-4000-8000-000000000100',
    method: 'card',
    amountMinor: 6_535,
    currency: 'EUR',
  })
  await send('shipItems', {
    orderId,
    shipmentId: '00000000-0000-4000-8000-000000000200',
    items: [{ line: 1 }, { line: 2 }],
    carrier: 'PostNL',
    tracking: '3SABCD',
  })
  return orderId
}

const support = { role: 'support', id: 'sam' }

/** Copies the events of one order to others, in the order of their versions: everybody places, then everybody pays, … */
async function insertOrders(write: LabDatabase, sample: string, orders: number): Promise<void> {
  const client = new Client({ connectionString: write.url })
  await client.connect()
  try {
    for (let from = 1; from <= orders; from += ordersPerStatement) {
      const count = Math.min(ordersPerStatement, orders - from + 1)
      const ids = Array.from({ length: count }, (_, i) => uuidOf(from + i))
      await client.query({ text: 'select tailrace.ensure_log_partitions()' })
      await client.query({
        name: 'orders',
        text: `insert into tailrace.event_log
            (version, command_id, slot, schema_version, ordinal, aggregatetype, aggregateid, type, payload)
          select e.version, gen_random_uuid(), o.slot, e.schema_version, e.ordinal, e.aggregatetype, o.id, e.type,
            replace(e.payload::text, $3, o.id)::json
          from (select * from tailrace.event_log where aggregateid = $3 order by version) e
          cross join unnest($1::text[], $2::smallint[]) with ordinality as o(id, slot, n)
          order by e.version, o.n`,
        values: [ids, ids.map(slotOf), sample],
      })
    }
  } finally {
    await client.end()
  }
}

/** Waits until the sequencer has passed `position`; answers with the head. */
async function sequenced({ engine }: Running, position: bigint): Promise<bigint> {
  const until = performance.now() + sequencedWithinMs
  for (;;) {
    const { head } = await engine.status()
    if (head.unsequenced === 0 && BigInt(head.position) >= position && head.position !== '0')
      return BigInt(head.position)
    if (performance.now() > until)
      throw new Error(`expected the log to be sequenced up to ${position}, got ${head.position}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** The n-th order of a generated log. */
function uuidOf(n: number): string {
  return `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
}
