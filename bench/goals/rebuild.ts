import { postgres, postgresTables } from '@tailrace/postgres'
import {
  startProjectionWorker,
  systemClock,
  type AnyProjectionDef,
  type OpenWriteSide,
  type ProjectionStore,
  type ReadStore,
} from 'tailrace/adapter'
import { orders } from '../../systems/orders/app.ts'
import { OrderStatus } from '../../systems/orders/read/order-status.ts'
import { copyReader, copyToNowhere } from '../engines/copy-to-nowhere.ts'
import type { Lab, LabDatabase } from '../engines/lab.ts'
import type { Goal, Measured } from '../harness/goal.ts'
import { withCpu } from '../harness/measured-window.ts'
import { generateLog } from '../workloads/generated-log.ts'
import { orderDatabase } from '../workloads/order-system.ts'

const readEvents = 300_000
const rebuildEvents = 200_000

/** The whole log, read and parsed. */
export const reading: Goal = {
  id: 'P10',
  name: `read ${readEvents.toLocaleString('en')} events for a rebuild, payloads parsed`,
  unit: 'events/s',
  target: 0.5,
  sense: 'at-least',
  ceilingName: `${copyReader} of the log table alone`,
  async prepare(lab) {
    const log = await openLog(lab, readEvents)
    return {
      product: () =>
        perEvent(lab, log.events, async () => {
          let seen = 0
          for await (const { events } of log.side.log.scan({ after: 0n, through: log.head }))
            for (const { data } of events) if (data !== null) seen++
          if (seen < log.events) throw new Error(`expected ${log.events} events, got ${seen}`)
        }),
      ceiling: () =>
        perEvent(lab, log.events, () =>
          copyToNowhere(
            log.write.url,
            `select id, slot, aggregatetype, aggregateid, version, type, schema_version, command_id, ordinal, at, payload
              from tailrace.event_log order by id`,
          ),
        ),
      close: () => log.side.close(),
    }
  },
}

/** A new version of a read model, built in bulk, beside following the log from its beginning. */
export const rebuilding: Goal = {
  id: 'P11',
  name: `build a PostgreSQL read model from ${rebuildEvents.toLocaleString('en')} events, verified`,
  unit: 'events/s',
  target: 5,
  sense: 'at-least',
  ceilingName: 'the same worker following the log',
  async prepare(lab) {
    const log = await openLog(lab, rebuildEvents)
    const read = await lab.database('read')
    let made = 0
    const build = async (fromEvents: number): Promise<Measured> => {
      const store = postgresTables({ url: read.url, schema: `build_${++made}` })
      try {
        return await perEvent(lab, log.events, () => catchUp(log, OrderStatus, store, fromEvents))
      } finally {
        await store.close()
      }
    }
    return {
      product: () => build(1),
      ceiling: () => build(Number.MAX_SAFE_INTEGER),
      close: () => log.side.close(),
    }
  },
}

interface OpenedLog {
  readonly write: LabDatabase
  readonly side: OpenWriteSide
  readonly head: bigint
  readonly events: number
}

async function openLog(lab: Lab, events: number): Promise<OpenedLog> {
  const write = await orderDatabase(lab)
  const { head } = await generateLog(lab, write, events)
  await write.run('vacuum analyze')
  const side = await postgres({ url: write.url }).open(orders, { clock: systemClock() })
  return { write, side, head, events: Number(head) }
}

async function perEvent(lab: Lab, events: number, body: () => Promise<void>): Promise<Measured> {
  const began = performance.now()
  const { cpuUsPerOp } = await withCpu(lab.serverPids(), async () => {
    await body()
    return { operations: events }
  })
  return { value: (events * 1_000) / (performance.now() - began), cpuUsPerOp }
}

const caughtUpWithinMs = 300_000

/** Runs a worker until its read model has seen the whole log. */
async function catchUp(
  { side, head }: OpenedLog,
  projection: AnyProjectionDef,
  store: ReadStore,
  fromEvents: number,
): Promise<void> {
  // Leases are by projection: those of the build before this one end with its worker.
  const worker = startProjectionWorker({
    projections: [{ projection, store }],
    log: side.log,
    leases: side.leases,
    clock: systemClock(),
    build: { fromEvents },
  })
  try {
    const opened = await store.open(projection, historyOf(side))
    const until = performance.now() + caughtUpWithinMs
    while (!(await hasReached(opened, head))) {
      if (performance.now() > until)
        throw new Error(`expected to catch up, got ${JSON.stringify(worker.status(), bigintText)}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  } finally {
    await worker.stop()
  }
}

function historyOf({ log: { identity } }: OpenWriteSide): string {
  return `${identity.systemId}/${identity.epoch}`
}

async function hasReached(opened: ProjectionStore, head: bigint): Promise<boolean> {
  const checkpoints = [...(await opened.checkpoints()).values()]
  return checkpoints.length > 0 && checkpoints.every(({ position }) => position >= head)
}

function bigintText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
