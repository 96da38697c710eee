import { NoAnswer } from '../kernel/network.ts'
import type { Process } from '../kernel/process.ts'
import type { Database } from './database.ts'
import { unavailable } from './write-store.ts'

export type Asking = <T>(name: string, effect: () => T) => Promise<T>

/** Questions of a process to the database, each one step of it. */
export function asking(database: Database, process: Process): Asking {
  const { server, simulation } = database
  return async (name, effect) => {
    try {
      return await simulation.network.call({ process, server, name, writes: true, effect })
    } catch (error) {
      throw error instanceof NoAnswer ? unavailable(error) : error
    }
  }
}
