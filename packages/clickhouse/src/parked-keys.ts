import {
  TailraceError,
  type ParkEntry,
  type ParkFailure,
  type ParkResolution,
  type ParkedKey,
} from 'tailrace/adapter'
import { keyOfText, keyText } from './exact-text.ts'
import { keyParts } from './key-parts.ts'
import type { Server } from './server.ts'
import { nothing, type StateRow, type StoredRow } from './state-log.ts'

interface ParkBody {
  readonly failure: ParkFailure
  /** When the key was parked first; undefined in its first record, whose time it is. */
  readonly sinceMs: number | undefined
}

/** The records of parked keys that are known before a change, by key text. */
type Known = ReadonlyMap<string, StoredRow>

export function parkedOf(rows: readonly StoredRow[]): Known {
  return new Map(rows.filter(({ kind }) => kind === 'parked').map((row) => [row.key, row]))
}

/** The rows that park some events. Throws `PARKED_KEY_CHANGED` for followers of a key that is not parked any more. */
export function parkRows(known: Known, park: readonly ParkEntry[]): StateRow[] {
  return park.flatMap((entry) => {
    const key = keyText(entry.key)
    const before = known.get(key)
    if (entry.failure === undefined && before === undefined)
      throw changed(entry.key, 'a parked key', 'a free one')
    return [
      ...(entry.failure === undefined ? [] : [headerRow(key, entry.failure, before)]),
      ...entry.positions.map((position): StateRow => ({
        ...nothing,
        kind: 'event',
        key,
        number: position,
      })),
    ]
  })
}

function headerRow(key: string, failure: ParkFailure, before: StoredRow | undefined): StateRow {
  const sinceMs =
    before === undefined
      ? undefined
      : ((JSON.parse(before.body) as ParkBody).sinceMs ?? before.atMs)
  return { ...nothing, kind: 'parked', key, body: JSON.stringify({ failure, sinceMs }) }
}

/** The rows that settle a parked key. Throws `PARKED_KEY_CHANGED` when other events than those seen are parked under it. */
export function settleRows(rows: readonly StoredRow[], resolution: ParkResolution): StateRow[] {
  const key = keyText(resolution.key)
  const found = rows.filter(({ kind }) => kind === 'event').map(({ number }) => number)
  if (found.join() !== resolution.seen.join())
    throw changed(resolution.key, `events ${resolution.seen.join()}`, found.join() || 'none')
  const keep = new Set(resolution.remaining)
  const settled = resolution.seen
    .filter((position) => !keep.has(position))
    .map((number): StateRow => ({ ...nothing, kind: 'event', key, number, gone: true }))
  if (resolution.remaining.length === 0)
    return [...settled, { ...nothing, kind: 'parked', key, gone: true }]
  if (resolution.failure === undefined) return settled
  return [...settled, headerRow(key, resolution.failure, parkedOf(rows).get(key))]
}

function changed(key: string, expected: string, got: string): TailraceError {
  return new TailraceError(
    'PARKED_KEY_CHANGED',
    `expected ${expected} under key "${key}", got ${got}; look again and repeat`,
    { retryable: true },
  )
}

/** Keys that are parked, oldest first: of those asked, or all up to a limit. `state`: the quoted name of the table. */
export async function listParked(
  server: Server,
  state: string,
  keys: readonly string[] | undefined,
  limit: number,
): Promise<ParkedKey[]> {
  const list = (where: string, parameters: Record<string, unknown>): Promise<unknown[][]> =>
    server.rows(
      `SELECT key, minIf(number, kind = 'event') AS first, countIf(kind = 'event'), anyIf(body, kind = 'parked'),
         anyIf(toUnixTimestamp64Milli(at), kind = 'parked')
       FROM ${state} FINAL WHERE kind IN ('parked', 'event') AND gone = 0${where}
       GROUP BY key HAVING countIf(kind = 'parked') > 0 ORDER BY first LIMIT {limit:UInt32}`,
      { ...parameters, limit },
    )
  if (keys === undefined) return (await list('', {})).map(parkedKey)
  const found: ParkedKey[] = []
  for (const part of keyParts(keys.map(keyText))) {
    const rows = await list(' AND key IN {keys:Array(String)}', { keys: part })
    found.push(...rows.map(parkedKey))
  }
  return found.toSorted((a, b) => (a.firstPosition < b.firstPosition ? -1 : 1)).slice(0, limit)
}

function parkedKey(row: readonly unknown[]): ParkedKey {
  const [key, first, events, body, at] = row as string[]
  const { failure, sinceMs } = JSON.parse(body!) as ParkBody
  return {
    key: keyOfText(key!),
    firstPosition: BigInt(first!),
    events: Number(events),
    failure,
    sinceMs: sinceMs ?? Number(at),
  }
}

/** Positions parked under a key, in order. */
export async function parkedPositionsOf(
  server: Server,
  state: string,
  key: string,
): Promise<bigint[]> {
  const rows = await server.rows(
    `SELECT number FROM ${state} FINAL WHERE kind = 'event' AND gone = 0 AND key = {key:String} ORDER BY number`,
    { key: keyText(key) },
  )
  return rows.map((row) => BigInt(row[0] as string))
}
