import {
  startProjectionWorker,
  type AnyProjectionDef,
  type Clock,
  type EventLog,
  type ProjectionStore,
  type ProjectionWorker,
  type ReadStore,
} from 'tailrace/adapter'
import { MemoryLeases } from '../memory-leases.ts'
import type { ListLog } from '../memory-log.ts'
import { overriding } from '../overriding.ts'
import { faultyStore, repeatingLog, type WriteFault } from './faulty.ts'

export interface ScenarioContext {
  readonly projection: AnyProjectionDef
  readonly store: ReadStore
  readonly log: ListLog
  readonly clock: Clock
  readonly random: () => number
  readonly timeoutMs: number
}

export interface Scenario {
  readonly name: string
  /** Brings the version that it is given from nothing to the head of the log. */
  readonly run: (context: ScenarioContext) => Promise<void>
}

/** The ways in which the same events may arrive. After each the read model must be the same. */
export const scenarios: readonly Scenario[] = [
  { name: 'in one go', run: (context) => work(context, {}) },
  { name: 'one event at a time', run: (context) => work(context, { events: 1 }) },
  {
    name: 'every event repeated, suffixes delivered again',
    run: (context) =>
      work({ ...context, log: repeatingLog(context.log, context.random) }, { events: 7 }),
  },
  {
    name: 'crash before each write',
    run: (context) => work(faulty(context, every('before')), { events: 5 }),
  },
  {
    name: 'crash after each write, before the worker knows',
    run: (context) => work(faulty(context, every('lost-answer')), { events: 5 }),
  },
  {
    name: 'crash between data and checkpoint',
    run: (context) => work(faulty(context, every('between')), { events: 5 }),
  },
  { name: 'two workers, one of them overtaken while it writes', run: overtaken },
]

/** Every second write fails, so that work goes on. */
function every(fault: WriteFault): (write: number) => WriteFault {
  return (write) => (write % 2 === 0 ? fault : 'none')
}

function faulty(
  context: ScenarioContext,
  around: (write: number) => WriteFault | Promise<WriteFault>,
): ScenarioContext {
  return { ...context, store: faultyStore(context.store, around) }
}

interface WorkOptions {
  readonly events?: number
  readonly leases?: MemoryLeases
  readonly owner?: string
}

function start(
  { projection, store, log, clock }: ScenarioContext,
  { events = 1_000, leases, owner }: WorkOptions,
): ProjectionWorker {
  return startProjectionWorker({
    projections: [{ projection, store }],
    log,
    leases: leases ?? new MemoryLeases(clock),
    clock: impatient(clock),
    limits: { events, eventsBehind: events },
    ...(owner === undefined ? {} : { owner }),
  })
}

/** Waiting after a failure is not what is tested. */
function impatient(clock: Clock): Clock {
  return overriding(clock, {
    sleep: (ms: number, signal?: AbortSignal) => clock.sleep(Math.min(ms, 5), signal),
  })
}

async function work(context: ScenarioContext, options: WorkOptions): Promise<void> {
  const worker = start(context, options)
  try {
    await reached(context, worker)
  } finally {
    await worker.stop()
  }
}

/** A worker stops in the middle of a write, loses its leases, and goes on after another has reached the head. */
async function overtaken(context: ScenarioContext): Promise<void> {
  const leases = new MemoryLeases(context.clock)
  const gate = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  let first = true
  const slow = faulty(context, async (): Promise<WriteFault> => {
    if (!first) return 'none'
    first = false
    held.resolve()
    await gate.promise
    return 'none'
  })
  const zombie = start(slow, { events: 5, leases, owner: 'zombie' })
  await held.promise
  leases.bar('zombie')
  const successor = start(context, { events: 3, leases, owner: 'successor' })
  try {
    await reached(context, successor)
  } finally {
    gate.resolve()
    await Promise.all([zombieStops(zombie, context), successor.stop()])
  }
}

/** A barred worker waits for an answer about its leases that never comes: its batch in hand is all that is awaited. */
async function zombieStops(zombie: ProjectionWorker, { clock }: ScenarioContext): Promise<void> {
  await Promise.race([zombie.stop(), clock.sleep(200)])
}

/** Waits until every range stands at the head. */
async function reached(
  { projection, store, log, clock, timeoutMs }: ScenarioContext,
  worker: ProjectionWorker,
): Promise<void> {
  const opened: ProjectionStore = await store.open(projection, historyOf(log))
  const end = clock.monotonic() + timeoutMs
  const ranges = projection.scope === 'log' ? 1 : 4
  for (;;) {
    const checkpoints = [...(await opened.checkpoints()).values()]
    if (
      checkpoints.length === ranges &&
      checkpoints.every((checkpoint) => checkpoint.position >= log.last)
    )
      return
    const [status] = worker.status()
    if (status?.state === 'failed') throw new Error(`the projection failed: ${status.waiting}`)
    if (clock.monotonic() > end)
      throw new Error(
        `expected the head ${log.last} within ${timeoutMs} ms, got ${status?.state} at ${status?.position}: ${status?.lastError ?? 'no error'}`,
      )
    await clock.sleep(3)
  }
}

export function historyOf(log: Pick<EventLog, 'identity'>): string {
  return `${log.identity.systemId}/${log.identity.epoch}`
}
