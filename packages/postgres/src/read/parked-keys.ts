import {
  TailraceError,
  type ParkFailure,
  type ParkResolution,
  type ParkedKey,
} from 'tailrace/adapter'
import { inTransaction, type SqlClient, type SqlPool, type SqlStatement } from '../sql-pool.ts'
import { applyStatements, pgText, prepared, type VersionPlace } from './apply-statement.ts'
import type { DocumentTable } from './document-table.ts'
import { keyOfText, keyText } from './key-text.ts'
import { textsOn } from './read-pools.ts'

/** Keys that are parked, oldest first: of those asked, or all up to a limit. */
export async function parkedKeys(
  pool: SqlPool,
  place: VersionPlace,
  keys?: readonly string[],
  limit = 1_000,
): Promise<ParkedKey[]> {
  const text = `select p.key, min(e.position), count(*), p.event_id, p.type, p.error, p.attempts, (extract(epoch from p.since) * 1000)::bigint
    from ${place.schema}.parked_key p join ${place.schema}.parked_event e using (projection, version, key)
    where p.projection = $1 and p.version = $2 ${keys === undefined ? '' : 'and p.key = any($4::text[])'}
    group by p.projection, p.version, p.key order by 2 limit $3`
  const values = [
    place.projection,
    place.version,
    limit,
    ...(keys === undefined ? [] : [keys.map(keyText)]),
  ]
  const { rows } = await textsOn(pool, { text, values })
  return rows.map(([key, first, events, eventId, type, error, attempts, since]) => ({
    key: keyOfText(key!),
    firstPosition: BigInt(first!),
    events: Number(events),
    failure: { eventId: eventId!, type: type!, error: error!, attempts: Number(attempts) },
    sinceMs: Number(since),
  }))
}

/** Which of these keys are parked, as texts of the database. */
export function parkedAmongStatement(place: VersionPlace, keys: readonly string[]): SqlStatement {
  return prepared(
    `select key from ${place.schema}.parked_key where projection = $1 and version = $2 and key = any($3::text[])`,
    [place.projection, place.version, keys.map(keyText)],
  )
}

/** Positions parked under a key, in order. */
export async function parkedPositions(
  pool: SqlPool,
  place: VersionPlace,
  key: string,
): Promise<bigint[]> {
  const { rows } = await textsOn(pool, {
    text: `select position from ${place.schema}.parked_event where projection = $1 and version = $2 and key = $3 order by position`,
    values: [place.projection, place.version, keyText(key)],
  })
  return rows.map((row) => BigInt(row[0]!))
}

/** Settles a parked key with its changes, in one transaction. Throws `PARKED_KEY_CHANGED`. */
export async function resolveParked(
  pool: SqlPool,
  place: VersionPlace,
  table: DocumentTable | undefined,
  resolution: ParkResolution,
): Promise<void> {
  await inTransaction(pool, async (client) => {
    await settle(client, place, resolution)
    const { changes, rows } = resolution
    if (changes.length === 0 && rows.length === 0) return
    for (const statement of applyStatements(place, table, { moves: [], changes, rows, park: [] }))
      await client.query(statement)
  })
}

/** Changes what is parked under a key, on the caller's transaction. Throws `PARKED_KEY_CHANGED`. */
export async function settle(
  client: SqlClient,
  place: VersionPlace,
  resolution: Omit<ParkResolution, 'changes' | 'rows'>,
): Promise<void> {
  const id = [place.projection, place.version, keyText(resolution.key)]
  const mine = 'projection = $1 and version = $2 and key = $3'
  // Waits for a worker that is diverting an event to this key, and makes the next one wait.
  await client.query({
    text: `select 1 from ${place.schema}.parked_key where ${mine} for update`,
    values: id,
  })
  // Named otherwise than the column: `order by` would sort by the text.
  const { rows } = await client.query({
    text: `select position::text as text from ${place.schema}.parked_event where ${mine} order by position`,
    values: id,
  })
  const found = rows.map((row) => row.text as string).join()
  if (found !== resolution.seen.join()) {
    throw new TailraceError(
      'PARKED_KEY_CHANGED',
      `expected events ${resolution.seen.join()} to be parked under key "${resolution.key}", got ${found || 'none'}; look again and repeat`,
      { retryable: true },
    )
  }
  const kept = resolution.remaining.map(String)
  await client.query({
    text: `delete from ${place.schema}.parked_event where ${mine} and position <> all($4::bigint[])`,
    values: [...id, kept],
  })
  if (kept.length === 0)
    await client.query({ text: `delete from ${place.schema}.parked_key where ${mine}`, values: id })
  else if (resolution.failure !== undefined)
    await recordFailure(client, place, id, resolution.failure)
}

async function recordFailure(
  client: SqlClient,
  place: VersionPlace,
  id: readonly unknown[],
  failure: ParkFailure,
): Promise<void> {
  await client.query({
    text: `update ${place.schema}.parked_key set event_id = $4, type = $5, error = $6, attempts = $7
      where projection = $1 and version = $2 and key = $3`,
    values: [...id, failure.eventId, failure.type, pgText(failure.error), failure.attempts],
  })
}
