import { TailraceError, type LogIdentity } from 'tailrace/adapter'
import { quotedSchema } from '../schema-name.ts'
import { withClient, type SqlClient, type SqlPool } from '../sql-pool.ts'

/** A history of the log, as this database knows it. */
export interface LogHistory extends LogIdentity {
  /** Events up to this id carry transaction ids of another system. */
  readonly foreignId: bigint
}

/** How far positions jump when a history begins: more than a lost tail can have had. */
export const epochJump = 1_000_000n

interface Place {
  readonly system_id: string
  readonly timeline: string
  readonly standby: boolean
}

interface EpochRow {
  readonly epoch: number
  readonly system_id: string
  readonly timeline: string
  readonly foreign_id: string
}

// A database restored beside its original has the same system identifier, so the database's oid is part of the identity.
const placeSql = `
  select pg_is_in_recovery() as standby,
    lpad(to_hex(system_identifier # (oid::bigint << 32)), 16, '0') as system_id,
    case when pg_is_in_recovery() then '' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline
  from pg_control_system(), pg_database where datname = current_database()`

/** The present history; undefined before the first sequencer. */
export async function readHistory(
  client: SqlClient,
  schema: string,
): Promise<LogHistory | undefined> {
  const row = await lastEpoch(client, schema)
  return row === undefined ? undefined : historyOf(row)
}

/**
 * Makes sure that the present history is that of this database: a change of timeline (failover, point-in-time restore)
 * or of system (a logical copy) begins a new one. Several may call it at once. Throws `LOG_NOT_PRIMARY`.
 */
export async function establishHistory(client: SqlClient, schema: string): Promise<LogHistory> {
  const place = (await client.query({ text: placeSql })).rows[0] as Place
  if (place.standby) {
    throw new TailraceError(
      'LOG_NOT_PRIMARY',
      'expected a connection to the primary, got a standby, whose snapshots do not list running transactions; connect to the primary',
      { retryable: true },
    )
  }
  const last = await lastEpoch(client, schema)
  if (
    last !== undefined &&
    last.system_id === place.system_id &&
    last.timeline === place.timeline
  ) {
    return historyOf(last)
  }
  return beginHistory(client, schema, place)
}

export interface NewHistory {
  readonly pool: SqlPool
  /** Default: `tailrace`. */
  readonly schema?: string
  /** Positions of the new history are above it: the highest checkpoint of any read model. Default: the log's own last one. */
  readonly beyond?: bigint
}

/**
 * Begins a new history although system and timeline are unchanged: after a restore that the database cannot know of,
 * such as one of a disk snapshot. The running sequencer is fenced and goes on from there.
 */
export function startHistory({
  pool,
  schema = 'tailrace',
  beyond = 0n,
}: NewHistory): Promise<LogIdentity> {
  return withClient(pool, async (client) => {
    const place = (await client.query({ text: placeSql })).rows[0] as Place
    const { systemId, epoch } = await beginHistory(client, quotedSchema(schema), place, beyond)
    return { systemId, epoch }
  })
}

async function beginHistory(
  client: SqlClient,
  schema: string,
  place: Place,
  beyond?: bigint,
): Promise<LogHistory> {
  await client.query({ text: 'begin isolation level read committed' })
  try {
    await client.query({ text: `lock table ${schema}.log_epoch in share row exclusive mode` })
    const last = await lastEpoch(client, schema)
    const settled = last?.system_id === place.system_id && last.timeline === place.timeline
    if (!settled || beyond !== undefined) {
      const foreign = last !== undefined && last.system_id !== place.system_id
      const copy = foreign ? await adoptForeignEvents(client, schema) : undefined
      await insertEpoch(client, schema, { place, last, copy, beyond: beyond ?? 0n })
    }
    await client.query({ text: 'commit' })
  } catch (error) {
    // Fails only with the connection, which then rolls back too.
    await client.query({ text: 'rollback' }).catch(() => undefined)
    throw error
  }
  return historyOf((await lastEpoch(client, schema))!)
}

interface NewEpoch {
  readonly place: Place
  readonly last: EpochRow | undefined
  /** Set when the log is a copy from another system. */
  readonly copy: AdoptedCopy | undefined
  readonly beyond: bigint
}

/** Moves the cursor beyond every position that the lost tail can have had. The first history begins at position 1. */
async function insertEpoch(client: SqlClient, schema: string, next: NewEpoch): Promise<void> {
  const { place, last, copy, beyond } = next
  const insert = `
    with last as (
      select position + $1::bigint as position, position as previous, snapshot, frozen_hi, after_id
      from ${schema}.sequencer_step order by previous desc limit 1
    ),
    moved as (
      insert into ${schema}.sequencer_step (previous, position, snapshot, frozen_hi, after_id)
      select previous, greatest(position, $2::bigint) + $3::bigint,
        case when $4 then pg_current_snapshot() else snapshot end,
        case when $4 then null else frozen_hi end,
        case when $4 then 0 else after_id end
      from last where $3::bigint > 0
    )
    insert into ${schema}.log_epoch (epoch, system_id, timeline, last_position, first_position, foreign_id)
    select $5::integer, $6::text, $7::text, position, greatest(position, $2::bigint) + $3::bigint, $8::bigint from last`
  const jump = last === undefined ? 0n : epochJump
  const foreignId = copy?.highestId ?? last?.foreign_id ?? '0'
  await client.query({
    text: insert,
    values: [
      copy?.adopted ?? '0',
      String(beyond),
      String(jump),
      copy !== undefined,
      (last?.epoch ?? 0) + 1,
      place.system_id,
      place.timeline,
      foreignId,
    ],
  })
}

interface AdoptedCopy {
  readonly adopted: string
  readonly highestId: string
}

/**
 * Gives positions to what a copy of the log brought along without one, by id: transaction ids of the other system mean
 * nothing here. Keeps writers out until the end of the transaction, so that each later event has a higher id.
 */
async function adoptForeignEvents(client: SqlClient, schema: string): Promise<AdoptedCopy> {
  await client.query({ text: `lock table ${schema}.event_log in share mode` })
  const adopt = `
    with last as (select position from ${schema}.sequencer_step order by previous desc limit 1),
    adopted as (
      insert into ${schema}.event_sequence (position, id)
      select (select position from last) + row_number() over (order by e.id), e.id from ${schema}.event_log e
      where not exists (select from ${schema}.event_sequence s where s.id = e.id)
      returning 1
    )
    select (select count(*) from adopted)::text as adopted,
      (select coalesce(max(id), 0) from ${schema}.event_log)::text as "highestId"`
  return (await client.query({ text: adopt })).rows[0] as AdoptedCopy
}

async function lastEpoch(client: SqlClient, schema: string): Promise<EpochRow | undefined> {
  const { rows } = await client.query({
    text: `select epoch, system_id, timeline, foreign_id::text from ${schema}.log_epoch order by epoch desc limit 1`,
  })
  return rows[0] as EpochRow | undefined
}

function historyOf(row: EpochRow): LogHistory {
  return { systemId: row.system_id, epoch: row.epoch, foreignId: BigInt(row.foreign_id) }
}
