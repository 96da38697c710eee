import type { ParkEntry, ParkFailure, ParkResolution, ParkedKey } from 'tailrace/adapter'
import type { Transaction } from 'lmdb'
import { encodeKey, replacementKey } from './document-codec.ts'
import type { Table } from './environment.ts'

/**
 * Parked keys, in one table with the checkpoints (`c`) by prefix: `p` and the key, and `q` with the key and a position for each
 * event that waits (a row each, so that a long queue is never rewritten).
 */
const separator = Buffer.from([0])

interface ParkRecord {
  readonly key: string
  readonly failure: ParkFailure
  readonly sinceMs: number
}

/** The form of a key under which it is parked: also of one that LMDB cannot hold as a document's. */
export function parkedAs({ key }: Pick<ParkEntry, 'key'>): Buffer {
  return encodeKey(key) ?? replacementKey(key)
}

/** Whether followers would join a key that is not parked. */
export function joinsFreeKey(state: Table, entry: ParkEntry, storedKey: Buffer): boolean {
  return entry.failure === undefined && state.get(parkKey(storedKey)) === undefined
}

/** Adds positions to a parked key. A follower keeps the failure that parked the key first. */
export function writeParked(
  state: Table,
  entry: ParkEntry,
  storedKey: Buffer,
  nowMs: number,
): void {
  if (entry.failure !== undefined) {
    const known = state.get(parkKey(storedKey))
    const sinceMs = known === undefined ? nowMs : fromJson<ParkRecord>(known).sinceMs
    void state.put(
      parkKey(storedKey),
      toJson({ key: entry.key, failure: entry.failure, sinceMs } satisfies ParkRecord),
    )
  }
  for (const position of entry.positions)
    void state.put(positionKey(storedKey, position), separator)
}

/** Leaves only `remaining` parked under a key; none: the key is free. */
export function settleParked(state: Table, resolution: ParkResolution, storedKey: Buffer): void {
  const keep = new Set(resolution.remaining)
  for (const position of resolution.seen) {
    if (!keep.has(position)) void state.remove(positionKey(storedKey, position))
  }
  const known = state.get(parkKey(storedKey))
  if (resolution.remaining.length === 0) void state.remove(parkKey(storedKey))
  else if (known !== undefined && resolution.failure !== undefined) {
    void state.put(
      parkKey(storedKey),
      toJson({ ...fromJson<ParkRecord>(known), failure: resolution.failure }),
    )
  }
}

export function readParkedPositions(state: Table, storedKey: Buffer): bigint[] {
  const start = positionKey(storedKey, 0n)
  const found: bigint[] = []
  for (const key of state.getKeys({ start, end: positionKey(storedKey, 2n ** 63n) })) {
    // A key that continues this one after a NUL sorts in between; its entries are longer.
    if (key.length === start.length) found.push(key.readBigUInt64BE(key.length - 8))
  }
  return found
}

export function readParked(state: Table, storedKey: Buffer): ParkedKey | undefined {
  const value = state.get(parkKey(storedKey))
  return value === undefined
    ? undefined
    : toParkedKey(state, storedKey, fromJson<ParkRecord>(value))
}

export function isParked(
  state: Table,
  storedKey: Buffer,
  options: { readonly transaction: Transaction },
): boolean {
  return state.get(parkKey(storedKey), options) !== undefined
}

export function isAnyParked(state: Table): boolean {
  for (const _ of state.getKeys({ start: Buffer.from('p'), end: Buffer.from('q'), limit: 1 }))
    return true
  return false
}

export function listParked(state: Table, limit: number): ParkedKey[] {
  const found: ParkedKey[] = []
  for (const { key, value } of state.getRange({
    start: Buffer.from('p'),
    end: Buffer.from('q'),
    limit,
  })) {
    found.push(toParkedKey(state, key.subarray(1), fromJson<ParkRecord>(value)))
  }
  return found
}

function toParkedKey(state: Table, storedKey: Buffer, record: ParkRecord): ParkedKey {
  const positions = readParkedPositions(state, storedKey)
  return {
    key: record.key,
    firstPosition: positions[0] ?? 0n,
    events: positions.length,
    failure: record.failure,
    sinceMs: record.sinceMs,
  }
}

function parkKey(storedKey: Buffer): Buffer {
  return Buffer.concat([Buffer.from('p'), storedKey])
}

function positionKey(storedKey: Buffer, position: bigint): Buffer {
  const tail = Buffer.allocUnsafe(9)
  tail.writeUInt8(0, 0)
  tail.writeBigUInt64BE(position, 1)
  return Buffer.concat([Buffer.from('q'), storedKey, tail])
}

function toJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

function fromJson<T>(value: Buffer): T {
  return JSON.parse(value.toString('utf8', 0, value.length)) as T
}
