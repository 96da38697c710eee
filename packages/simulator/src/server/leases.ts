import type { Lease, LeaseStatus, LeaseStore } from 'tailrace/adapter'
import { NoAnswer } from '../kernel/network.ts'
import type { Process } from '../kernel/process.ts'
import type { Database } from './database.ts'
import type { LeaseRow } from './database-state.ts'
import { unavailable } from './write-store.ts'

/** Leases in the database, by its clock. */
export function simLeases(database: Database, process: Process): LeaseStore {
  const rows = (): LeaseRow[] => [...database.state.leases.values()]
  const put = (row: LeaseRow): LeaseRow => {
    database.state.leases.set(keyOf(row), row)
    return row
  }
  async function call<T>(name: string, effect: () => T): Promise<T> {
    const { server, simulation } = database
    try {
      return await simulation.network.call({ process, server, name, writes: true, effect })
    } catch (error) {
      throw error instanceof NoAnswer ? unavailable(error) : error
    }
  }
  return {
    ensure: (projection, version, ranges) =>
      call('lease ensure', () => {
        const paused = rows().some((row) => row.projection === projection && row.paused)
        ranges.forEach((slots, range) => {
          const row = { projection, version, range, slots, owner: undefined, fence: 0n }
          if (!database.state.leases.has(keyOf(row))) put({ ...row, untilMs: 0, paused })
        })
      }),
    claim: ({ owner, ttlMs, projections }) =>
      call('lease claim', () => {
        const nowMs = database.nowMs()
        const untilMs = nowMs + ttlMs
        return projections.flatMap(({ projection, version, max, trouble }) => {
          const open = rows().filter(
            (row) => row.projection === projection && row.version === version && !row.paused,
          )
          const own = open.filter((row) => row.owner === owner)
          const free = open
            .filter((row) => row.owner !== owner && row.untilMs <= nowMs)
            .toSorted((a, b) => a.untilMs - b.untilMs || a.range - b.range)
            .slice(0, Math.max(0, max))
          if (free.some((row) => row.owner !== undefined))
            database.simulation.marks.sometimes('a lease that ran out is taken over')
          const least = leastFence(database)
          return claimed(own, free, owner, least).map((row) =>
            leaseOf(put({ ...row, untilMs, trouble })),
          )
        })
      }),
    release: (owner, leases) =>
      call('lease release', () => {
        for (const lease of leases) {
          const row = database.state.leases.get(keyOf(lease))
          if (row?.owner === owner && row.fence === lease.fence)
            put({ ...row, owner: undefined, untilMs: 0, trouble: undefined })
        }
      }),
    list: () =>
      call('lease list', () => {
        const nowMs = database.nowMs()
        return rows().map((row): LeaseStatus => ({
          ...leaseOf(row),
          owner: row.owner,
          remainingMs: row.owner === undefined ? 0 : Math.floor(row.untilMs - nowMs),
          paused: row.paused,
          trouble: row.trouble,
        }))
      }),
    setPaused: (projection, paused) =>
      call('lease pause', () => {
        for (const row of rows()) if (row.projection === projection) put({ ...row, paused })
      }),
  }
}

/** Fences of a later history are higher than any of an earlier one. */
function leastFence({ state: { epochs } }: Database): bigint {
  return BigInt((epochs.at(-1)?.epoch ?? 1) - 1) << 40n
}

/** Those that are held are renewed, those that are free taken over. */
function claimed(
  own: readonly LeaseRow[],
  free: readonly LeaseRow[],
  owner: string,
  least: bigint,
): LeaseRow[] {
  const above = (fence: bigint): bigint => (fence < least ? least : fence) + 1n
  return [
    ...own.map((row) => ({ ...row, fence: row.fence < least ? above(row.fence) : row.fence })),
    ...free.map((row) => ({ ...row, owner, fence: above(row.fence) })),
  ]
}

function keyOf({ projection, version, range }: Pick<Lease, 'projection' | 'version' | 'range'>) {
  return `${projection} ${version} ${range}`
}

function leaseOf({ projection, version, range, slots, fence }: LeaseRow): Lease {
  return { projection, version, range, slots, fence }
}
