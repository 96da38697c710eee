import type { GivenUpEvent, GivenUpStore } from 'tailrace/adapter'
import type { Process } from '../kernel/process.ts'
import { asking } from './asking.ts'
import type { Database } from './database.ts'
import type { LedgerRow, LogRow } from './database-state.ts'

interface Placed {
  readonly position: bigint
  readonly row: LogRow
}

/** What reactors gave up: rows of their ledger. */
export function simGivenUp(database: Database, process: Process): GivenUpStore {
  const ask = asking(database, process)
  return {
    report: (reactors, recent) =>
      ask('given up report', () =>
        reactors.map((reactor) => {
          const rows = openRows(database, reactor)
          const positions = [...database.state.reactorCheckpoints]
            .filter(([key]) => key.startsWith(`${reactor} `))
            .map(([, { position }]) => position)
            .toSorted((a, b) => (a < b ? -1 : 1))
          return {
            reactor,
            position: positions[0],
            givenUp: rows.filter(([, { outcome }]) => outcome === 'failed').length,
            repeating: rows.filter(([, { outcome }]) => outcome === 'repeat').length,
            recent: latest(database, rows, recent),
          }
        }),
      ),
    list: (reactor, limit) =>
      ask('given up list', () => latest(database, openRows(database, reactor), limit)),
    repeat: (reactor, eventIds) =>
      ask('given up repeat', () => {
        const asked = openRows(database, reactor).filter(
          ([eventId, { outcome }]) =>
            outcome === 'failed' &&
            eventIds?.includes(eventId) !== false &&
            placeOf(database, eventId) !== undefined,
        )
        for (const [eventId, row] of asked)
          put(database, reactor, eventId, { ...row, outcome: 'repeat', repeats: row.repeats + 1 })
        return asked.length
      }),
    skip: (reactor, eventIds) =>
      ask('given up skip', () => {
        const asked = openRows(database, reactor).filter(([eventId]) => eventIds.includes(eventId))
        for (const [eventId, row] of asked)
          put(database, reactor, eventId, { ...row, outcome: 'skipped' })
        return asked.length
      }),
    due: (ranges, limit) =>
      ask('given up due', () =>
        ranges.map(({ reactor, slots: { from, to } }) =>
          openRows(database, reactor)
            .flatMap(([eventId, { outcome, repeats }]) => {
              const place = outcome === 'repeat' ? placeOf(database, eventId) : undefined
              if (place === undefined || place.row.slot < from || place.row.slot > to) return []
              return [{ eventId, position: place.position, repeat: repeats }]
            })
            .toSorted((a, b) => (a.position < b.position ? -1 : 1))
            .slice(0, limit),
        ),
      ),
  }
}

/** By event id. */
function openRows({ state: { ledger } }: Database, reactor: string): [string, LedgerRow][] {
  return [...ledger].flatMap(([key, row]): [string, LedgerRow][] =>
    key.startsWith(`${reactor} `) && (row.outcome === 'failed' || row.outcome === 'repeat')
      ? [[key.slice(reactor.length + 1), row]]
      : [],
  )
}

function put(database: Database, reactor: string, eventId: string, row: LedgerRow): void {
  database.state.ledger.set(`${reactor} ${eventId}`, row)
}

function latest(
  database: Database,
  rows: readonly [string, LedgerRow][],
  limit: number,
): GivenUpEvent[] {
  return rows
    .toSorted(([, a], [, b]) => b.atMs - a.atMs)
    .slice(0, limit)
    .map(([eventId, { error, atMs, outcome }]) => {
      const place = placeOf(database, eventId)
      return {
        eventId,
        position: place?.position,
        type: place?.row.type,
        stream: place?.row.stream,
        error: error ?? '',
        atMs,
        repeating: outcome === 'repeat',
      }
    })
}

function placeOf({ state }: Database, eventId: string): Placed | undefined {
  return state.sequenced.find(({ row }) => `${row.commandId}/${row.ordinal}` === eventId)
}
