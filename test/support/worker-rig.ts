import { openEventLog } from '../../packages/postgres/src/log/postgres-event-log.ts'
import { postgresLeases } from '../../packages/postgres/src/log/postgres-leases.ts'
import { postgresSequencer } from '../../packages/postgres/src/log/postgres-sequencer.ts'
import { postgresTables } from '@tailrace/postgres'
import {
  slotOf,
  type Clock,
  type EventLog,
  type LeaseStore,
  type ReadStore,
} from 'tailrace/adapter'
import { systemClock } from '../../packages/tailrace/src/run/system-clock.ts'
import { append, freshLog, type TestEvent, type TestLog } from './event-log.ts'
import { freshDatabase, type FreshDatabase } from './postgres.ts'

/** A log in one database, read models in another, and leases: what projection workers run on. */
export interface WorkerRig {
  readonly clock: Clock
  readonly write: TestLog
  readonly read: FreshDatabase
  readonly log: EventLog
  readonly leases: LeaseStore
  readonly store: ReadStore
  /** Records events, each in the slot of its stream unless it names one, and gives the last position. */
  record(...events: readonly TestEvent[]): Promise<bigint>
  drop(): Promise<void>
}

export async function workerRig(): Promise<WorkerRig> {
  const [write, read] = await Promise.all([freshLog(), freshDatabase()])
  const clock = systemClock()
  const log = await openEventLog({ pool: write.pool, clock })
  const sequencers = postgresSequencer({ pool: write.pool })
  let sequencer = (await sequencers.acquire())!
  let { cursor } = sequencer
  /** A test may have cut the connection of the active sequencer. */
  const sequence = async (): Promise<bigint> => {
    for (;;) {
      const step = await sequencer.step(cursor, 10_000)
      cursor = step.cursor
      if (step.assigned === 0 && !step.more) return cursor.position
    }
  }
  const store = postgresTables({ url: read.url })
  return {
    clock,
    write,
    read,
    log,
    leases: postgresLeases({ pool: write.pool }),
    store,
    async record(...events) {
      await append(
        write.pool,
        ...events.map((event) => ({ slot: slotOf(event.stream ?? 's'), ...event })),
      )
      return sequence().catch(async () => {
        await sequencer.release()
        sequencer = (await sequencers.acquire())!
        ;({ cursor } = sequencer)
        return sequence()
      })
    },
    async drop() {
      await sequencer.release()
      await store.close()
      await write.drop()
      await read.drop()
    },
  }
}

/** Waits for a condition to hold, looking again and again; fails after `ms`. */
export async function until<T>(
  look: () => T | Promise<T>,
  what: string,
  ms = 10_000,
): Promise<NonNullable<Awaited<T>>> {
  const clock = systemClock()
  const end = clock.monotonic() + ms
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== null && found !== false)
      return found as NonNullable<Awaited<T>>
    if (clock.monotonic() > end)
      throw new Error(`expected ${what} within ${ms} ms, got ${JSON.stringify(found)}`)
    await clock.sleep(5)
  }
}
