import { Pool } from 'pg'
import { databaseUrl } from '../database-url.ts'
import type { SqlPool } from '../sql-pool.ts'

export interface WritePoolOptions {
  /** Where the write database is. */
  readonly url?: string | undefined
  /**
   * The application's own pool, for everything, instead of `url`. It is not ended by `close()`. One connection is kept for
   * the doorbell and one by the sequencer; four transactional commands and two batches may run at once: give it ten or more.
   */
  readonly pool?: SqlPool | undefined
  /** Connections for commands, and for all the rest (transactional commands, log, leases). Default: 2 and 12. */
  readonly connections?: { readonly commands?: number; readonly other?: number } | undefined
}

/** Connections to the write database: nothing else ever waits in the way of commands. */
export interface WritePools {
  readonly commands: SqlPool
  readonly other: SqlPool
  close(): Promise<void>
}

/** Opens nothing yet: connections are made on first use. Throws `CONFIG`. */
export function writePools({ url, pool, connections }: WritePoolOptions): WritePools {
  if (pool !== undefined) {
    return { commands: pool, other: pool, close: () => Promise.resolve() }
  }
  const base = {
    connectionString: databaseUrl('postgres', url),
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    application_name: 'tailrace',
  }
  const commands = new Pool({
    ...base,
    max: connections?.commands ?? 2,
    // Connections stay: each has prepared the statements of commands.
    idleTimeoutMillis: 0,
    // Commands go by keys. A plan made while a table was small must not scan it when it has grown, and a plan that is
    // made anew for each batch costs more than the batch. Only speed depends on these.
    options: '-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off',
  })
  const other = new Pool({ ...base, max: connections?.other ?? 12 })
  // A connection lost while idle is replaced at the next use.
  for (const own of [commands, other]) {
    own.on('error', () => undefined)
    // One that the server ends while the pool is closing it has no listener of the pool any more.
    own.on('connect', (client) => client.on('error', () => undefined))
  }
  return {
    commands,
    other,
    close: async () => {
      await Promise.all([commands.end(), other.end()])
    },
  }
}
