import type { SequencerCursor } from 'tailrace/adapter'
import type { SqlStatement } from '../sql-pool.ts'

/** What one step found and did. Numbers are decimal text. */
export interface StepRow {
  /** Events of the page, and how many of them got a position: both equal, or fenced. */
  readonly taken: string
  readonly placed: string
  readonly last_id: string | null
  readonly more: boolean
  readonly hi: string
}

/**
 * One step as one statement. It reads the window of events that became visible since the cursor's `lo`, puts a page of it,
 * by id, behind the last position, and moves the cursor; with an empty window it writes nothing, so that idling costs no
 * transaction id. The new cursor is keyed by the position it starts from: when another sequencer has gone on from there,
 * nothing is inserted.
 *
 * Events not visible in `lo` are those with `xid >= xmax(lo)` or `xid in xip(lo)`; visible now is what the statement's own
 * snapshot sees, and that snapshot is the next `lo`. A window is closed under "happened before": a transaction leaves the
 * list of running ones before it releases its row locks. Inside it, ids have the order of the locks.
 */
export function stepStatement(
  schema: string,
  cursor: SequencerCursor,
  foreignId: bigint,
  limit: number,
): SqlStatement {
  const frozen = cursor.hi !== undefined
  return {
    name: `tailrace_step_${frozen ? 'frozen' : 'open'}`,
    text: frozen ? frozenStep(schema) : openStep(schema),
    values: frozen
      ? [
          cursor.lo,
          String(cursor.position),
          String(foreignId),
          limit,
          cursor.hi,
          String(cursor.afterId),
        ]
      : [cursor.lo, String(cursor.position), String(foreignId), limit],
  }
}

/** The cursor after a step that was not fenced. */
export function cursorAfter(cursor: SequencerCursor, row: StepRow): SequencerCursor {
  const position = cursor.position + BigInt(row.taken)
  const hi = cursor.hi ?? row.hi
  return row.more
    ? { position, lo: cursor.lo, hi, afterId: BigInt(row.last_id!) }
    : { position, lo: hi, hi: undefined, afterId: 0n }
}

/**
 * Both arms are index scans of (xid, id). No row is in both: running transactions are below xmax. The fences keep the order
 * by id and the limit outside: with them inside, the planner may walk the whole primary key in search of the first ids.
 */
function openStep(schema: string): string {
  const arm = (condition: string): string =>
    `select id from (select id from ${schema}.event_log where ${condition} offset 0) fenced where id > $3::bigint`
  return step(
    schema,
    `${arm('xid >= pg_snapshot_xmax($1::pg_snapshot)')}
     union all
     ${arm('xid = any(array(select pg_snapshot_xip($1::pg_snapshot)))')}`,
    'pg_current_snapshot()',
  )
}

/** Pages of a backlog: by id from the end of the page before, as of the frozen snapshot. */
function frozenStep(schema: string): string {
  return step(
    schema,
    `select id from ${schema}.event_log
     where id > greatest($3::bigint, $6::bigint)
       and (xid >= pg_snapshot_xmax($1::pg_snapshot) or xid = any(array(select pg_snapshot_xip($1::pg_snapshot))))
       and pg_visible_in_snapshot(xid, $5::pg_snapshot)`,
    '$5::pg_snapshot',
  )
}

function step(schema: string, window: string, hi: string): string {
  return `
    with page as materialized (
      select id, row_number() over (order by id) as n
      from (select id from (${window}) unplaced order by id limit $4::integer + 1) one_more
    ),
    fact as materialized (
      select count(*) filter (where n <= $4::integer) as taken,
        max(id) filter (where n <= $4::integer) as last_id,
        count(*) > $4::integer as more
      from page
    ),
    moved as (
      insert into ${schema}.sequencer_step (previous, position, snapshot, frozen_hi, after_id)
      select $2::bigint, $2::bigint + taken,
        case when more then $1::pg_snapshot else ${hi} end,
        case when more then ${hi} end,
        case when more then last_id else 0 end
      from fact where taken > 0 and not exists (select from ${schema}.sequencer_step where previous >= $2::bigint)
      on conflict (previous) do nothing
      returning previous
    ),
    placed as (
      insert into ${schema}.event_sequence (position, id)
      select moved.previous + page.n, page.id from moved, page where page.n <= $4::integer
      returning 1
    )
    select taken, last_id, more, (select count(*) from placed) as placed, pg_current_snapshot()::text as hi from fact`
}
