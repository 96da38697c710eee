import { TailraceError, type ReactorLedger } from 'tailrace/adapter'
import { quotedSchema } from '../schema-name.ts'
import type { SqlPool } from '../sql-pool.ts'
import { repeatable } from './repeatable.ts'

/** What reactors have handled, in the write database beside the log. */
export function postgresReactorLedger(options: {
  readonly pool: SqlPool
  readonly schema?: string
}): ReactorLedger {
  const { pool } = options
  const schema = quotedSchema(options.schema ?? 'tailrace')
  const checkpoint = repeatable<{ readonly position: string }>(
    pool,
    'reactor_checkpoint',
    checkpointSql(schema),
  )
  const advance = repeatable(pool, 'reactor_advance', advanceSql(schema))
  const handled = repeatable<{ readonly id: string }>(pool, 'reactor_handled', handledSql(schema))
  const record = repeatable<{ readonly known: boolean }>(pool, 'reactor_record', recordSql(schema))
  return {
    async checkpoint(reactor, range) {
      return BigInt((await checkpoint([reactor, range]))[0]!.position)
    },
    async advance(reactor, range, { fence, from, to, handled: events }) {
      const values = [reactor, range, String(fence), String(to), String(from), [...new Set(events)]]
      if ((await advance(values)).length > 0) return
      throw new TailraceError(
        'PROJECTION_FENCED',
        `expected reactor "${reactor}", range ${range}, to advance from ${from} to ${to} under fence ${fence}, got a checkpoint of a higher fence, or elsewhere, or a ledger without an event in between; this worker stops`,
      )
    },
    async handled(reactor, eventIds) {
      return new Set((await handled([reactor, eventIds])).map((row) => row.id))
    },
    async record(reactor, eventId, entry) {
      const { error, commandIds, repeat = 0 } = { error: null, commandIds: [], repeat: 0, ...entry }
      const commands = [...new Set(commandIds)]
      const [row] = await record([reactor, eventId, entry.outcome, error, commands, repeat])
      return row!.known
    },
  }
}

/** Two workers may come first at once: the row that stands is read, or else the one just made. */
function checkpointSql(schema: string): string {
  return `
    with made as (
      insert into ${schema}.reactor_checkpoint (reactor, range, position)
      select $1::text, $2::smallint, position from ${schema}.sequencer_step
      where not exists (select from ${schema}.reactor_checkpoint where reactor = $1::text and range = $2::smallint)
      order by previous desc limit 1
      on conflict (reactor, range) do update set updated_at = excluded.updated_at
      returning position
    )
    select position::text from made
    union all
    select position::text from ${schema}.reactor_checkpoint where reactor = $1::text and range = $2::smallint`
}

function advanceSql(schema: string): string {
  return `
    update ${schema}.reactor_checkpoint
    set position = $4::bigint, fence = $3::bigint, updated_at = clock_timestamp()
    where reactor = $1::text and range = $2::smallint and fence <= $3::bigint
      -- A repetition finds it done.
      and position in ($5::bigint, $4::bigint)
      and cardinality($6::text[]) = (
        select count(*) from ${schema}.reactor_ledger where reactor = $1::text and event_id = any($6::text[]))
    returning 1`
}

function handledSql(schema: string): string {
  return `select event_id as id from ${schema}.reactor_ledger where reactor = $1::text and event_id = any($2::text[])`
}

function recordSql(schema: string): string {
  return `
    with proof as materialized (
      select count(*) = cardinality($5::uuid[]) as known from ${schema}.command_record where command_id = any($5::uuid[])
    ),
    noted as (
      insert into ${schema}.reactor_ledger (reactor, event_id, outcome, error)
      select $1::text, $2::text, $3::text, left($4::text, 2000) from proof where known
      on conflict (reactor, event_id) do update set outcome = excluded.outcome, error = excluded.error, at = clock_timestamp()
      where ${schema}.reactor_ledger.outcome <> 'done' and (excluded.outcome = 'done'
        or ${schema}.reactor_ledger.outcome <> 'skipped' and ${schema}.reactor_ledger.repeats = $6::integer)
    )
    select known from proof`
}
