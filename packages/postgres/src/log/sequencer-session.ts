import { createHash } from 'node:crypto'
import { TailraceError } from 'tailrace/adapter'
import type { SqlClient } from '../sql-pool.ts'

interface Suitability {
  readonly standby: boolean
  readonly commit: string
  readonly lazy: string | null
  readonly cache: string | null
}

/** Checks what the sequencer's algorithm stands on. Throws `LOG_NOT_PRIMARY` or `DATABASE_UNSUITABLE`. */
export async function assertSuitable(client: SqlClient, schema: string): Promise<void> {
  // A standby's snapshot lists no running transaction: their events would be passed over.
  const { rows } = await client.query({
    text: `select pg_is_in_recovery() as standby, current_setting('synchronous_commit') as commit,
      (select string_agg(coalesce(r.rolname, 'every role'), ', ') from pg_db_role_setting s
        left join pg_roles r on r.oid = s.setrole
        where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
          and exists (select from unnest(s.setconfig) c where c ~* '^synchronous_commit=(off|false|0|no)$')) as lazy,
      (select seqcache::text from pg_sequence
        where seqrelid = pg_get_serial_sequence($1, 'id')::regclass) as cache`,
    values: [`${schema}.event_log`],
  })
  const found = rows[0] as Suitability
  if (found.standby) {
    throw new TailraceError(
      'LOG_NOT_PRIMARY',
      'expected a connection to the primary, got a standby, whose snapshots do not list running transactions; connect to the primary',
      { retryable: true },
    )
  }
  if (found.commit === 'off' || found.lazy !== null) {
    throw new TailraceError(
      'DATABASE_UNSUITABLE',
      `expected synchronous_commit to be on, got off (for ${found.lazy ?? 'this connection'}): a crash could take back events that were already projected; set it to on`,
    )
  }
  if (found.cache !== '1') {
    throw new TailraceError(
      'DATABASE_UNSUITABLE',
      `expected the identity of event_log to have cache 1, got ${found.cache}: ids would not follow the order of the locks; alter the sequence`,
    )
  }
}

/** Tries to take the one place. The lock is for liveness; safety is in each step's own condition. */
export async function claimPlace(client: SqlClient, schema: string): Promise<boolean> {
  const { rows } = await client.query({
    text: 'select pg_try_advisory_lock($1::bigint) as mine',
    values: [placeNumber(schema).toString()],
  })
  return rows[0].mine as boolean
}

/**
 * Ends the connection of a holder that has stopped reporting: a stopped process keeps its connection, and with it the
 * place, for as long as it stands still. Does nothing where the role may not.
 */
export async function evictStalled(
  client: SqlClient,
  schema: string,
  stalledAfterMs: number,
): Promise<void> {
  const number = placeNumber(schema)
  const high = String(number >> 32n)
  const low = String(number & 0xffffffffn)
  await client
    .query({
      text: `select pg_terminate_backend(l.pid) from pg_locks l join pg_stat_activity a using (pid), ${schema}.sequencer s
        where l.locktype = 'advisory' and l.granted and l.objsubid = 1
          and a.state_change < clock_timestamp() - $3::float8 * interval '1 millisecond'
          and l.database = (select oid from pg_database where datname = current_database())
          and l.classid::bigint = $1::bigint and l.objid::bigint = $2::bigint
          and s.seen_at < clock_timestamp() - $3::float8 * interval '1 millisecond'`,
      values: [high, low, stalledAfterMs],
    })
    .catch((error: unknown) => {
      // 42501: not allowed to end sessions of that role. The lock's holder must then be ended by hand.
      if ((error as { code?: string }).code !== '42501') throw error
    })
}

/** Settings of the sequencer's own connection, which is closed and not given back. */
export async function prepareSession(client: SqlClient): Promise<void> {
  // The statistics of a fast-growing table are always old: without this, a poll may read the whole log.
  await client.query({
    text: `set enable_seqscan = off; set jit = off; set default_transaction_isolation = 'read committed';
      set idle_session_timeout = 0; set application_name = 'tailrace sequencer'`,
  })
}

/** 63 bits, so that the two halves in pg_locks are plain to compare. */
function placeNumber(schema: string): bigint {
  const hash = createHash('sha256').update(`tailrace.sequencer:${schema}`).digest()
  return BigInt.asUintN(63, hash.readBigUInt64BE())
}
