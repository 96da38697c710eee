import { eventColumns } from './event-columns.ts'

/**
 * The statements of the log's readers. Where an event is found by its id, the lookup is a lateral subquery with a limit:
 * that can only be run as one index lookup per row, also when statistics are old and partitions are many.
 */

/** $1 after, $2 slots as 256 bits or null, $3 types or null, $4 limit. `scan` positions at most are looked at. */
export function readPage(schema: string, scan: number): string {
  return `
    with scanned as materialized (
      select position, id from ${schema}.event_sequence where position > $1::bigint order by position limit ${scan}
    )
    select (select max(position) from scanned) as through, found.*
    from (select) one left join lateral (
      select ${eventColumns()}
      from (select position, id from scanned order by position) s cross join lateral (
        select * from ${schema}.event_log
        where id = s.id and ($2::bit(256) is null or get_bit($2::bit(256), slot) = 1)
          and ($3::text[] is null or type = any($3::text[]))
        limit 1
      ) e
      limit $4::integer
    ) found on true`
}

/** $1 positions. */
export function readPositions(schema: string): string {
  return `
    select ${eventColumns()}
    from (
      select position, id from ${schema}.event_sequence where position = any($1::bigint[]) order by position
    ) s cross join lateral (select * from ${schema}.event_log where id = s.id limit 1) e`
}

/**
 * No parameters. Reads the window of the durable cursor; at most 1,000 events are counted per arm. Whether there is one at
 * all is asked first, by its order: that is a single index lookup under any statistics, and mostly the whole answer. Not by
 * EXISTS, which forgets the order: a plan that hopes to meet one soon reads the whole log when there is none. A history in
 * which nothing has a position yet ends where the one before it did: nobody could ever reach the gap in front of it.
 */
export function readHead(schema: string): string {
  const waiting = (condition: string) => {
    const window = (columns: string, limit: number) => `
      select ${columns} from ${schema}.event_log e
      where ${condition} and e.id > (select foreign_id from history)
        and not (e.id <= (select after_id from step)
          and pg_visible_in_snapshot(e.xid, (select coalesce(frozen_hi, snapshot) from step)))
      order by e.xid, e.id limit ${limit}`
    return `select at from (${window('e.at', 1_000)}) counted where (${window('true', 1)})`
  }
  return `
    with step as materialized (select * from ${schema}.sequencer_step order by previous desc limit 1),
    history as materialized (select * from ${schema}.log_epoch order by epoch desc limit 1),
    waiting as materialized (
      ${waiting('e.xid >= (select pg_snapshot_xmax(snapshot) from step)')}
      union all
      ${waiting('e.xid = any(array(select pg_snapshot_xip(snapshot) from step))')}
    )
    select case when step.position = history.first_position then history.last_position else step.position end as position,
      history.system_id, history.epoch,
      ${milliseconds('clock_timestamp()')} as now_ms,
      (select count(*) from waiting) as unsequenced,
      (select ${milliseconds('min(at)')} from waiting) as oldest_ms,
      (select ${milliseconds('greatest(seen_at, case when step.previous >= 0 then step.at end)')} from ${schema}.sequencer) as seen_ms,
      (select trouble from ${schema}.sequencer) as trouble
    from step, history`
}

/** $1 the age in milliseconds from which a transaction is old. */
export const oldestTransaction = `
  select pid, ${milliseconds('clock_timestamp() - xact_start')} as age_ms, left(query, 200) as query,
    application_name as application
  from pg_stat_activity
  where pid <> pg_backend_pid() and datname = current_database() and (backend_xid is not null or backend_xmin is not null)
    and xact_start < clock_timestamp() - $1::float8 * interval '1 millisecond'
  order by xact_start limit 1`

/** $1 positions. One row for each, in their order. */
export function readBehind(schema: string): string {
  return `
    select (select max(position) from ${schema}.event_sequence) as head, ${milliseconds('first.at')} as oldest_ms
    from unnest($1::bigint[]) with ordinality asked(position, n)
    left join lateral (
      select e.at from (
        select id from ${schema}.event_sequence where position > asked.position order by position limit 1
      ) s cross join lateral (select at from ${schema}.event_log where id = s.id limit 1) e
    ) first on true
    order by asked.n`
}

/**
 * $1 transaction ids, $2 the highest id of another system's events. One row for each, in their order. A transaction's
 * events become visible together and get their positions by id, so its last one tells of all of them.
 */
export function resolveTransactions(schema: string): string {
  return `
    select pg_visible_in_snapshot(asked.xid, pg_current_snapshot()) as over, last.id, s.position
    from unnest($1::text[]::xid8[]) with ordinality asked(xid, n)
    left join lateral (
      select id from ${schema}.event_log where xid = asked.xid and id > $2::bigint order by xid desc, id desc limit 1
    ) last on true
    left join lateral (select position from ${schema}.event_sequence where id = last.id limit 1) s on true
    order by asked.n`
}

export function readEpochs(schema: string): string {
  return `select system_id, epoch, last_position, first_position from ${schema}.log_epoch order by epoch`
}

function milliseconds(time: string): string {
  return `floor(extract(epoch from ${time}) * 1000)`
}
