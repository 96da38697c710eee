import { randomUUID } from 'node:crypto'
import { lmdb } from '@tailrace/lmdb'
import { postgres, postgresTables } from '@tailrace/postgres'
import { Client } from 'pg'
import { start, type Running } from 'tailrace'
import type { ReadStore } from 'tailrace/adapter'
import type { Lab } from '../engines/lab.ts'
import { readWithPgoutput } from '../engines/pgoutput-reader.ts'
import { closedLoop, quantile } from '../harness/closed-loop.ts'
import { cpuSeconds } from '../harness/cpu-time.ts'
import type { Goal, Measured } from '../harness/goal.ts'
import { pacedLoad } from '../harness/paced-load.ts'
import { arrivalApp } from '../workloads/arrival-app.ts'
import { customer, orderDatabase, orderInput } from '../workloads/order-system.ts'

/** Commands per second: 12,000 a minute, well below what a small machine can do, so that waiting in queues is no part of the figure. */
const rate = 200

/** From the answer to a command to its event in the hands of a projection. */
export const eventInHand: Goal = {
  id: 'P6',
  name: `commit → event in a handler's hands, ${rate} commands/s, p99`,
  unit: 'ms',
  target: 2,
  sense: 'at-most',
  ceilingName: 'pgoutput, decoded by hand',
  prepare: async (lab) => {
    const system = await openArrivals(lab)
    return {
      // A store that takes no time of its own, so that what is seen is the way to the handler.
      product: () => system.product('inHand', lmdb({ path: lab.folder('order-state') })),
      ceiling: () => system.floor(),
      close: () => system.close(),
    }
  },
}

/** From the answer to a command to its event in a read table that queries see. */
export const visible: Goal = {
  id: 'P7',
  name: `commit → visible in a PostgreSQL read model, ${rate} commands/s, p99`,
  unit: 'ms',
  target: 3,
  sense: 'at-most',
  ceilingName: 'pgoutput into a map, and one commit',
  prepare: async (lab) => {
    const system = await openArrivals(lab)
    return {
      product: () => system.product('visible', system.table()),
      async ceiling() {
        const captured = await system.floor()
        const commit = await system.oneCommit()
        const also = { ...captured.also, 'one commit': commit }
        return { ...captured, value: captured.value + commit, also }
      },
      close: () => system.close(),
    }
  },
}

interface Times {
  acknowledged: number
  inHand: number
  visible: number
  position: bigint
}

interface Arrivals {
  product(what: 'inHand' | 'visible', store: ReadStore): Promise<Measured>
  /** A store of PostgreSQL tables, new and empty. */
  table(): ReadStore
  floor(): Promise<Measured>
  /** p99 of one durable upsert in the read database, ms. */
  oneCommit(): Promise<number>
  close(): Promise<void>
}

async function openArrivals(lab: Lab): Promise<Arrivals> {
  const read = await lab.database('read')
  await read.run('create table one_commit (id integer primary key, n bigint not null)')
  await read.run('insert into one_commit values (1, 0)')
  const client = new Client({ connectionString: read.url })
  client.on('error', () => undefined)
  await client.connect()
  return {
    product: (what, store) => product(lab, what, store),
    table: () => postgresTables({ url: read.url, schema: `read_${++opened}` }),
    floor: () => floor(lab),
    async oneCommit() {
      const { latencies } = await closedLoop(1, 1, () =>
        client.query({ name: 'one', text: 'update one_commit set n = n + 1 where id = 1' }),
      )
      return quantile(latencies, 0.99)
    },
    close: () => client.end(),
  }
}

/** All roles in one process: what commits, sequences and applies. */
async function product(lab: Lab, what: 'inHand' | 'visible', store: ReadStore): Promise<Measured> {
  const times = new Map<string, Times>()
  const byPosition: Times[] = []
  const app = arrivalApp((commandId, position) => {
    const found = timesOf(times, commandId)
    if (found.position !== 0n) return
    found.inHand = performance.now()
    found.position = position
    // Nearly in order: slots are handed over range by range.
    let at = byPosition.length
    while (at > 0 && byPosition[at - 1]!.position > position) at--
    byPosition.splice(at, 0, found)
  })
  const write = await orderDatabase(lab)
  const running = await start(app, {
    write: postgres({ url: write.url }),
    stores: { 'order-state': store },
  })
  let seen = 0
  const silence = running.engine.onAdvance((_, position) => {
    const now = performance.now()
    while (seen < byPosition.length && byPosition[seen]!.position <= position)
      byPosition[seen++]!.visible = now
  })
  try {
    return await measure(lab, running, times, what, () => seen >= times.size)
  } finally {
    silence()
    await running.stop()
  }
}

let opened = 0

/** The same commands, no sequencer and no worker; the write-ahead log hands events into a map. */
async function floor(lab: Lab): Promise<Measured> {
  const times = new Map<string, Times>()
  const map = new Map<string, unknown>()
  const write = await orderDatabase(lab)
  const running = await start(
    arrivalApp(() => undefined),
    {
      write: postgres({ url: write.url }),
      stores: { 'order-state': lmdb({ path: lab.folder('order-state') }) },
      roles: ['api'],
      doorbell: false,
    },
  )
  const reader = await readWithPgoutput(write.url, (events) => {
    for (const { commandId, data } of events) map.set(commandId, data)
    const now = performance.now()
    for (const { commandId } of events) timesOf(times, commandId).inHand = now
  })
  try {
    return await measure(lab, running, times, 'inHand', () => map.size >= times.size)
  } finally {
    await reader.stop()
    await running.stop()
  }
}

function timesOf(times: Map<string, Times>, commandId: string): Times {
  let found = times.get(commandId)
  if (found === undefined) {
    found = { acknowledged: 0, inHand: 0, visible: 0, position: 0n }
    times.set(commandId, found)
  }
  return found
}

const warmUpMs = 1_000
const arriveMs = 10_000

async function measure(
  lab: Lab,
  { engine }: Running,
  times: Map<string, Times>,
  what: 'inHand' | 'visible',
  arrived: () => boolean,
): Promise<Measured> {
  const before = cpuSeconds(lab.serverPids())
  const began = performance.now()
  const load = await pacedLoad(rate, lab.seconds + warmUpMs / 1_000, async () => {
    const outcome = await engine.command('placeOrder', orderInput(randomUUID()), {
      actor: customer,
    })
    if (outcome.kind !== 'committed')
      throw new Error(`expected the order to be accepted, got ${JSON.stringify(outcome)}`)
    timesOf(times, outcome.commandId).acknowledged = performance.now()
  })
  const until = performance.now() + arriveMs
  while (!arrived() && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 5))
  const cpu = cpuSeconds(lab.serverPids()) - before
  const counted = [...times.values()].filter(({ acknowledged }) => acknowledged >= began + warmUpMs)
  const missed = counted.filter((one) => one[what] === 0).length
  if (missed > 0) throw new Error(`expected every event to arrive, got ${missed} missing`)
  // The write-ahead log may hand an event over before the caller has its answer: that counts as nothing to wait for.
  const delays = counted
    .map((one) => Math.max(0.01, one[what] - one.acknowledged))
    .toSorted((a, b) => a - b)
  return {
    value: quantile(delays, 0.99),
    cpuUsPerOp: (cpu * 1e6) / load.sent,
    also: {
      p50: quantile(delays, 0.5),
      'command p50': quantile(load.latencies, 0.5),
      'command p99': quantile(load.latencies, 0.99),
    },
  }
}
