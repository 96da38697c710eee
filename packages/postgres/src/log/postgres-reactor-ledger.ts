import { TailraceError, type ReactorLedger } from 'tailrace/adapter'
import { quotedSchema } from '../schema-name.ts'
import { withClient, type SqlPool } from '../sql-pool.ts'
import { asUnavailable } from './lost-connection.ts'

/** What reactors have handled, in the write database beside the log. */
export function postgresReactorLedger(options: {
  readonly pool: SqlPool
  readonly schema?: string
}): ReactorLedger {
  const schema = quotedSchema(options.schema ?? 'tailrace')
  const query = async <Row>(name: string, text: string, values: unknown[]): Promise<Row[]> => {
    try {
      const statement = { name: `tailrace_reactor_${name}`, text, values }
      return (await withClient(options.pool, (client) => client.query(statement))).rows as Row[]
    } catch (error) {
      throw asUnavailable(error)
    }
  }
  return {
    async checkpoint(reactor, range) {
      const [row] = await query<{ readonly position: string }>(
        'checkpoint',
        checkpointSql(schema),
        [reactor, range],
      )
      return BigInt(row!.position)
    },
    async advance(reactor, range, fence, to) {
      const values = [reactor, range, String(fence), String(to)]
      if ((await query('advance', advanceSql(schema), values)).length === 0) {
        throw new TailraceError(
          'PROJECTION_FENCED',
          `expected reactor "${reactor}", range ${range}, to advance to ${to} under fence ${fence}, got a checkpoint of a higher fence or position; this worker stops`,
        )
      }
    },
    async handled(reactor, eventIds) {
      const rows = await query<{ readonly id: string }>('handled', handledSql(schema), [
        reactor,
        eventIds,
      ])
      return new Set(rows.map((row) => row.id))
    },
    async record(reactor, eventId, outcome, error) {
      await query('record', recordSql(schema), [reactor, eventId, outcome, error ?? null])
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
    where reactor = $1::text and range = $2::smallint and fence <= $3::bigint and position <= $4::bigint
    returning 1`
}

function handledSql(schema: string): string {
  return `select event_id as id from ${schema}.reactor_ledger where reactor = $1::text and event_id = any($2::text[])`
}

function recordSql(schema: string): string {
  return `
    insert into ${schema}.reactor_ledger (reactor, event_id, outcome, error) values ($1::text, $2::text, $3::text, $4::text)
    on conflict (reactor, event_id) do update set outcome = excluded.outcome, error = excluded.error, at = clock_timestamp()
    where ${schema}.reactor_ledger.outcome <> 'done'`
}
