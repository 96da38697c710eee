/** A connection of a session, as the server sees it. */
export interface Backend {
  readonly name: string
  readonly pid: number
  /** How many others it waits for; 0 when it does not wait for a lock. */
  readonly blockers: number
  readonly waitedMs: number
  readonly since: string | null
}

/** $1 names of sessions. */
export const backendsSql = `
  select application_name as name, pid,
    case when wait_event_type = 'Lock' then cardinality(pg_blocking_pids(pid)) else 0 end as blockers,
    coalesce(extract(epoch from clock_timestamp() - since) * 1000, 0)::float8 as "waitedMs", since::text
  from pg_stat_activity a
  left join lateral (
    select min(waitstart) as since from pg_locks l where l.pid = a.pid and not l.granted and wait_event_type = 'Lock'
  ) waiting on true
  where application_name = any($1)`

export interface Looked {
  readonly rows: readonly string[]
  readonly log: readonly {
    readonly event: string
    readonly xid: string
    readonly position: string | undefined
  }[]
  readonly commands: readonly string[]
  readonly timers: readonly string[]
  readonly running: readonly string[]
}

const list = (sql: string): string => `coalesce((select json_agg(${sql}), '[]'::json)`

export const lookSql = `
  select
    ${list(`line) from (
      select id || '@' || version || coalesce(
        (select string_agg(' ' || code, '' order by code) from labels where box_id = boxes.id), '') as line from boxes
      union all select id || '@' || version from cups) found`)} as rows,
    ${list(`json_build_object('event', aggregateid || '@' || version, 'xid', xid::text, 'position', s.position::text) order by id)
      from tailrace.event_log left join tailrace.event_sequence s using (id)`)} as log,
    ${list(`right(command_id::text, 12) order by command_id) from tailrace.command_record`)} as commands,
    ${list(`stream || ' by #' || input) from tailrace.timer`)} as timers,
    ${list(`application_name order by backend_xid::text::bigint) from pg_stat_activity
      where backend_xid is not null and application_name ~ '^s[0-9]+$' and datname = current_database()`)} as running`

export const emptySql = `
  begin;
  delete from labels; delete from boxes; delete from cups;
  delete from tailrace.event_log; delete from tailrace.event_sequence; delete from tailrace.sequencer_step;
  delete from tailrace.log_epoch; delete from tailrace.command_record; delete from tailrace.timer;
  commit;
  insert into tailrace.sequencer_step (previous, position, snapshot) values (-1, 0, pg_current_snapshot())`
