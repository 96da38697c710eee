import type { App, OpenWriteSide, WriteAdapter } from 'tailrace/adapter'
import { NoAnswer } from '../kernel/network.ts'
import type { Process } from '../kernel/process.ts'
import type { Database } from './database.ts'
import { SimEventLog } from './event-log.ts'
import { simLeases } from './leases.ts'
import { simSequencer } from './sequencer.ts'
import { simGivenUp } from './given-up.ts'
import { simReactorLedger } from './reactor-ledger.ts'
import { simTimers } from './timers.ts'
import { SimWriteStore, unavailable } from './write-store.ts'

export interface SimWriteOptions {
  readonly database: Database
  readonly process: Process
  readonly pageSize: number
  /** Probability that a ring does not arrive. */
  readonly ringLoss: number
}

/** The write side of one process on the simulated database. */
export function simWrite(options: SimWriteOptions): WriteAdapter {
  return { kind: 'write-adapter', open: (app) => openWriteSide(options, app) }
}

async function openWriteSide(options: SimWriteOptions, app: App): Promise<OpenWriteSide> {
  const { database, process } = options
  const { network } = database.simulation
  database.aggregates = [...new Set([...database.aggregates, ...app.aggregates.keys()])]
  const call = async <T>(name: string, effect: () => T): Promise<T> => {
    try {
      return await network.call({ process, server: database.server, name, writes: false, effect })
    } catch (error) {
      throw error instanceof NoAnswer ? unavailable(error) : error
    }
  }
  const log = await call('open', () => new SimEventLog(options))
  return {
    log,
    store: new SimWriteStore(database, process),
    sequencer: simSequencer(database, process),
    leases: simLeases(database, process),
    timers: simTimers(database, process),
    reactorLedger: simReactorLedger(database, process),
    givenUp: simGivenUp(database, process),
    ...doorbell(options),
    ping: () => call('ping', () => undefined),
    close: async () => undefined,
  }
}

function doorbell({
  database,
  process,
  ringLoss,
}: SimWriteOptions): Pick<OpenWriteSide, 'onDoorbell' | 'ringDoorbell'> {
  const { kernel } = database.simulation
  const random = database.simulation.random()
  return {
    onDoorbell(ring) {
      const arrive = (): void => {
        if (!random.chance(ringLoss)) kernel.after(random.spread(2), 'ring', ring, process)
      }
      database.doorbells.add(arrive)
      process.onDeath(() => database.doorbells.delete(arrive))
      return () => database.doorbells.delete(arrive)
    },
    ringDoorbell() {
      kernel.after(random.spread(3), 'doorbell', () => database.server.up && database.ring())
    },
  }
}
