import { Pool, type PoolConfig } from 'pg'
import { migrate } from '@tailrace/postgres'
import { freshDatabase } from './postgres.ts'

/** What of an event matters to a test of the log; the rest has a default. */
export interface TestEvent {
  readonly stream?: string
  readonly version?: number
  readonly slot?: number
  readonly type?: string
  readonly payload?: unknown
  readonly commandId?: string
}

/** A migrated write database with an empty log, and a pool on it. */
export interface TestLog {
  readonly url: string
  readonly pool: Pool
  /** Empties the log and what belongs to it, far cheaper than another database. No transaction may be open. */
  reset(): Promise<void>
  drop(): Promise<void>
}

interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: { id: string; xid: string }[] }>
}

/** A pool whose connections may be ended by the server at any moment, also while the pool is closing them. */
export function quietPool(config: PoolConfig): Pool {
  const pool = new Pool(config)
  pool.on('connect', (client) => client.on('error', () => undefined))
  pool.on('error', () => undefined)
  return pool
}

export async function freshLog(max = 10): Promise<TestLog> {
  const database = await freshDatabase()
  const pool = quietPool({ connectionString: database.url, max })
  await migrate(pool)
  return {
    url: database.url,
    pool,
    async reset() {
      await pool.query(`
        set local lock_timeout = '5s';
        truncate tailrace.event_log, tailrace.event_sequence, tailrace.sequencer_step, tailrace.log_epoch, tailrace.lease,
          tailrace.timer, tailrace.command_record, tailrace.reactor_checkpoint, tailrace.reactor_ledger restart identity;
        insert into tailrace.sequencer_step (previous, position, snapshot) values (-1, 0, pg_current_snapshot());
        update tailrace.sequencer set seen_at = null`)
    },
    async drop() {
      // Does not wait for connections that a failed test holds: they end with the database.
      void pool.end()
      await database.drop()
    },
  }
}

/** Inserts events on the caller's connection, hence in its transaction. Returns their ids and the transaction id. */
export async function append(
  on: Queryable,
  ...events: readonly TestEvent[]
): Promise<{ readonly ids: readonly bigint[]; readonly xid: string }> {
  const { rows } = await on.query(
    `insert into tailrace.event_log (version, command_id, slot, schema_version, ordinal, aggregatetype, aggregateid, type, payload)
     select e.version, coalesce(e.command, gen_random_uuid()), e.slot, 1, e.n, 'thing', e.stream, e.type, e.payload::json
     from rows from (unnest($1::bigint[]), unnest($2::int[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::uuid[]))
       with ordinality e(version, slot, stream, type, payload, command, n)
     order by e.n returning id::text, xid::text`,
    [
      events.map((e) => e.version ?? 1),
      events.map((e) => e.slot ?? 0),
      events.map((e) => e.stream ?? 's'),
      events.map((e) => e.type ?? 'Happened'),
      events.map((e) => JSON.stringify(e.payload ?? {})),
      events.map((e) => e.commandId ?? null),
    ],
  )
  return { ids: rows.map((row) => BigInt(row.id)), xid: rows[0]!.xid }
}

/** A record of a command that was accepted. */
export async function recordCommand(
  on: { query(text: string, values: unknown[]): Promise<unknown> },
  commandId: string,
): Promise<void> {
  await on.query(
    `insert into tailrace.command_record (command_id, version, name, fingerprint, state, aggregate_id, slots)
     values ($1, 1, 'place', 'f', 'committed', 'a', '{0}')`,
    [commandId],
  )
}
