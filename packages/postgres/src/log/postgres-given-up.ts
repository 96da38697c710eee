import type { EventToRepeat, GivenUpEvent, GivenUpStore, ReactorReport } from 'tailrace/adapter'
import { quotedSchema } from '../schema-name.ts'
import type { SqlPool } from '../sql-pool.ts'
import { repeatable } from './repeatable.ts'

interface StandRow {
  readonly reactor: string
  readonly position: string | null
  readonly given_up: number
  readonly repeating: number
}

interface OpenRow {
  readonly event_id: string
  readonly position: string | null
  readonly type: string | null
  readonly stream: string | null
  readonly error: string
  readonly at_ms: number
  readonly repeating: boolean
}

interface DueRow {
  /** Number of the range that it was asked for. */
  readonly n: number
  readonly event_id: string
  readonly position: string
  readonly repeats: number
}

/** What reactors gave up: rows of their ledger. */
export function postgresGivenUp(options: {
  readonly pool: SqlPool
  readonly schema?: string
}): GivenUpStore {
  const { pool } = options
  const schema = quotedSchema(options.schema ?? 'tailrace')
  const stands = repeatable<StandRow>(pool, 'given_up_report', reportSql(schema))
  const open = repeatable<OpenRow>(pool, 'given_up_list', listSql(schema))
  const repeat = repeatable(pool, 'given_up_repeat', repeatSql(schema))
  const skip = repeatable(pool, 'given_up_skip', skipSql(schema))
  const due = repeatable<DueRow>(pool, 'given_up_due', dueSql(schema))
  const list = async (reactor: string, limit: number): Promise<readonly GivenUpEvent[]> =>
    (await open([reactor, limit])).map(eventOf)
  return {
    list,
    async report(reactors, recent) {
      const rows = await stands([reactors])
      return Promise.all(
        rows.map(async (row): Promise<ReactorReport> => ({
          reactor: row.reactor,
          position: row.position === null ? undefined : BigInt(row.position),
          givenUp: row.given_up,
          repeating: row.repeating,
          recent: row.given_up + row.repeating === 0 ? [] : await list(row.reactor, recent),
        })),
      )
    },
    repeat: async (reactor, eventIds) => (await repeat([reactor, eventIds ?? null])).length,
    skip: async (reactor, eventIds) => (await skip([reactor, eventIds])).length,
    async due(ranges, limit) {
      if (ranges.length === 0) return []
      const rows = await due([
        ranges.map(({ reactor }) => reactor),
        ranges.map(({ slots }) => slots.from),
        ranges.map(({ slots }) => slots.to),
        limit,
      ])
      const found = Map.groupBy(rows, ({ n }) => n)
      return ranges.map((_, i) => (found.get(i) ?? []).map(toRepeatOf))
    },
  }
}

function eventOf(row: OpenRow): GivenUpEvent {
  return {
    eventId: row.event_id,
    position: row.position === null ? undefined : BigInt(row.position),
    type: row.type ?? undefined,
    stream: row.stream ?? undefined,
    error: row.error,
    atMs: row.at_ms,
    repeating: row.repeating,
  }
}

function toRepeatOf(row: DueRow): EventToRepeat {
  return { eventId: row.event_id, position: BigInt(row.position), repeat: row.repeats }
}

/**
 * Where the log has the event of a row `l` of the ledger. The log has no index by command; the record of the command has
 * its transaction, and by that the log is asked.
 */
function placeOf(schema: string): string {
  const isId = `l.event_id ~ '^[0-9a-f-]{36}/[0-9]{1,4}$'`
  return `
    lateral (
      select s.position, e.slot, e.type, e.aggregateid
      from ${schema}.command_record c
      cross join lateral (
        select id, slot, type, aggregateid from ${schema}.event_log
        where xid = c.xid and command_id = c.command_id
          and ordinal = case when ${isId} then split_part(l.event_id, '/', 2)::smallint end
        limit 1
      ) e
      cross join lateral (select position from ${schema}.event_sequence where id = e.id limit 1) s
      where c.command_id = case when ${isId} then split_part(l.event_id, '/', 1)::uuid end
    ) place`
}

function reportSql(schema: string): string {
  return `
    select r.reactor, c.position::text as position, o.given_up, o.repeating
    from unnest($1::text[]) with ordinality r(reactor, n)
    cross join lateral (
      select min(position) as position from ${schema}.reactor_checkpoint where reactor = r.reactor
    ) c
    cross join lateral (
      select (count(*) filter (where outcome = 'failed'))::integer as given_up,
        (count(*) filter (where outcome = 'repeat'))::integer as repeating
      from (
        select outcome from ${schema}.reactor_ledger
        where reactor = r.reactor and outcome in ('failed', 'repeat') limit 1000
      ) counted
    ) o
    order by r.n`
}

function listSql(schema: string): string {
  return `
    select l.event_id, place.position::text as position, place.type, place.aggregateid as stream,
      coalesce(l.error, '') as error, floor(extract(epoch from l.at) * 1000)::float8 as at_ms,
      l.outcome = 'repeat' as repeating
    from (
      select event_id, error, at, outcome from ${schema}.reactor_ledger
      where reactor = $1::text and outcome in ('failed', 'repeat') order by at desc limit $2::integer
    ) l left join ${placeOf(schema)} on true
    order by l.at desc`
}

/** Rows are locked in the order of their key, so that two who ask for all do not wait for each other. */
function repeatSql(schema: string): string {
  return `
    with given_up as materialized (
      select event_id from ${schema}.reactor_ledger
      where reactor = $1::text and outcome = 'failed' and ($2::text[] is null or event_id = any($2::text[]))
      order by event_id for update
    )
    update ${schema}.reactor_ledger r
    set outcome = 'repeat', repeats = r.repeats + 1, position = place.position, slot = place.slot
    from given_up l cross join ${placeOf(schema)}
    where r.reactor = $1::text and r.event_id = l.event_id
    returning 1`
}

function skipSql(schema: string): string {
  return `
    update ${schema}.reactor_ledger set outcome = 'skipped'
    where reactor = $1::text and event_id = any($2::text[]) and outcome in ('failed', 'repeat')
    returning 1`
}

function dueSql(schema: string): string {
  return `
    select (r.n - 1)::integer as n, l.event_id, l.position::text as position, l.repeats
    from unnest($1::text[], $2::smallint[], $3::smallint[]) with ordinality r(reactor, slot_from, slot_to, n)
    cross join lateral (
      select event_id, position, repeats from ${schema}.reactor_ledger
      where reactor = r.reactor and outcome = 'repeat' and slot between r.slot_from and r.slot_to
      order by position limit $4::integer
    ) l
    order by r.n, l.position`
}
