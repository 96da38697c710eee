import type { DueTimer, FailedTimer, OverdueTimers, TimerStore } from 'tailrace/adapter'
import { quotedSchema } from '../schema-name.ts'
import type { SqlPool } from '../sql-pool.ts'
import { repeatable } from './repeatable.ts'

interface Counts {
  readonly due: number
  readonly overdue: number
  readonly failed: number
  readonly oldest_ms: number
}

/** Timers of scheduled commands, in the write database: set and cancelled by the commands' own transactions. */
export function postgresTimers(options: {
  readonly pool: SqlPool
  readonly schema?: string
}): TimerStore {
  const { pool } = options
  const schema = quotedSchema(options.schema ?? 'tailrace')
  const due = repeatable<DueTimer>(pool, 'timer_due', dueSql(schema))
  const again = repeatable<DueTimer>(pool, 'timer_again', againSql(schema))
  const done = repeatable(pool, 'timer_done', doneSql(schema))
  const next = repeatable<{ readonly ms: number | null }>(pool, 'timer_next', nextSql(schema))
  const failed = repeatable(pool, 'timer_failed', failedSql(schema))
  const counts = repeatable<Counts>(pool, 'timer_report', reportSql(schema))
  const failing = repeatable<FailedTimer>(pool, 'timer_failing', failingSql(schema))
  const foreign = repeatable<OverdueTimers>(pool, 'timer_overdue', overdueSql(schema))
  return {
    due: (limit, holdMs, commands) => due([limit, holdMs, commands ?? null]),
    async again({ schedule, stream, id, hold }, holdMs) {
      return (await again([schedule, stream, id, hold, holdMs]))[0]
    },
    async done({ schedule, stream, id, hold }, commandId) {
      await done([schedule, stream, id, commandId ?? null, hold])
    },
    async nextInMs(commands) {
      return (await next([commands ?? null]))[0]?.ms ?? undefined
    },
    async failed({ schedule, stream, id }, error) {
      await failed([schedule, stream, id, error])
    },
    async report(overdueMs, recent) {
      const [found] = await counts([overdueMs])
      const { due: many, overdue, failed: broken, oldest_ms } = found!
      return {
        due: many,
        overdue,
        failed: broken,
        oldestDueMs: oldest_ms,
        recent: broken === 0 ? [] : await failing([recent]),
      }
    },
    overdue: (commands, ms) => foreign([commands, ms]),
  }
}

function dueSql(schema: string): string {
  return `
    with due as materialized (
      select schedule, stream, at from ${schema}.timer
      where at <= clock_timestamp() and (hidden_until is null or hidden_until <= clock_timestamp())
        and ($3::text[] is null or command = any($3::text[]))
      order by at limit $1::integer
      for update skip locked
    ),
    held as (
      update ${schema}.timer t set hidden_until = clock_timestamp() + $2::float8 * interval '1 millisecond'
      from due where t.schedule = due.schedule and t.stream = due.stream
      returning t.*
    )
    select ${timerColumns} from held order by held.at`
}

// In microseconds, so that no setting of a session changes how it reads.
const holdOf = `(extract(epoch from hidden_until) * 1000000)::bigint::text`

const isoAt = `to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at`

const timerColumns = `id::text, schedule, stream, command, input, ${isoAt}, ${holdOf} as hold`

function againSql(schema: string): string {
  return `
    update ${schema}.timer set hidden_until = clock_timestamp() + $5::float8 * interval '1 millisecond'
    where schedule = $1::text and stream = $2::text and id = $3::uuid and ${holdOf} = $4::text
    returning ${timerColumns}`
}

function doneSql(schema: string): string {
  return `
    delete from ${schema}.timer where schedule = $1::text and stream = $2::text and id = $3::uuid
      and case when $4::uuid is null then ${holdOf} = $5::text
        else exists (select from ${schema}.command_record where command_id = $4::uuid) end`
}

function nextSql(schema: string): string {
  return `
    select ceil(extract(epoch from min(greatest(at, hidden_until)) - clock_timestamp()) * 1000)::float8 as ms
    from (
      select at, hidden_until from ${schema}.timer where $1::text[] is null or command = any($1::text[])
      order by at limit 1000
    ) soon`
}

/** Looks at a thousand: it is about names, not about how many. */
function overdueSql(schema: string): string {
  return `
    select distinct on (command) command, schedule, ${isoAt}
    from (
      select command, schedule, at from ${schema}.timer
      where at <= clock_timestamp() - $2::float8 * interval '1 millisecond' and command <> all($1::text[])
        and (hidden_until is null or hidden_until <= clock_timestamp())
      order by at limit 1000
    ) waiting order by command, waiting.at`
}

function failedSql(schema: string): string {
  return `
    update ${schema}.timer
    set failures = case when failed_id = id then failures + 1 else 1 end, failed_id = id, error = left($4::text, 2000)
    where schedule = $1::text and stream = $2::text and id = $3::uuid`
}

/** The first 1,000 whose time has come. */
function dueOf(schema: string): string {
  return `(select * from ${schema}.timer where at <= clock_timestamp() order by at limit 1000) due`
}

function reportSql(schema: string): string {
  return `
    select count(*)::integer as due,
      (count(*) filter (where at <= clock_timestamp() - $1::float8 * interval '1 millisecond'))::integer as overdue,
      (count(*) filter (where failed_id = id))::integer as failed,
      coalesce(extract(epoch from clock_timestamp() - min(at)) * 1000, 0)::float8 as oldest_ms
    from ${dueOf(schema)}`
}

function failingSql(schema: string): string {
  return `
    select schedule, stream, command, failures, coalesce(error, '') as error,
      to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
    from ${dueOf(schema)} where failed_id = id order by due.at limit $1::integer`
}
