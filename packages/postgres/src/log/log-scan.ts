import type { LogPage, RecordedEvent } from 'tailrace/adapter'
import type { SqlClient, SqlPool } from '../sql-pool.ts'
import { copyFields, copyOut } from './copy-out.ts'
import { eventColumns, eventOf } from './event-columns.ts'
import { asUnavailable } from './lost-connection.ts'

export interface LogScan {
  readonly after: bigint
  readonly through: bigint
  readonly types?: readonly string[]
}

/** Positions per COPY: a snapshot is held for one part only, however slow the consumer is. */
const partSize = 100_000
const pageSize = 1_000

/** A lost connection is seen by the statement that is running; without a listener it would end the process. */
const ignore = (): void => undefined

/** Streams a range of the log with COPY, part by part, in pages of at most 1,000 events. Ends with the last sequenced event. */
export async function* scanLog(
  pool: SqlPool,
  schema: string,
  range: LogScan,
): AsyncGenerator<LogPage, void, undefined> {
  const client = await pool.connect().catch((error: unknown) => {
    throw asUnavailable(error)
  })
  client.on('error', ignore)
  const state = { finished: true }
  try {
    let { after } = range
    while (after < range.through) {
      const part = await nextPart(client, schema, after, range.through)
      if (part === undefined) break
      yield* scanPart(client, schema, part, range.types, state)
      after = part.through
    }
  } catch (error) {
    state.finished = false
    throw asUnavailable(error)
  } finally {
    if (state.finished) client.removeListener('error', ignore)
    client.release(!state.finished)
  }
}

interface Part {
  readonly after: bigint
  readonly through: bigint
  /** Bounds of the ids in it: they name the partitions when the statement is planned. */
  readonly ids: readonly [string, string]
}

async function nextPart(
  client: SqlClient,
  schema: string,
  after: bigint,
  through: bigint,
): Promise<Part | undefined> {
  const { rows } = await client.query({
    text: `select max(position)::text as through, min(id)::text as low, max(id)::text as high from (
      select position, id from ${schema}.event_sequence where position > $1::bigint and position <= $2::bigint
      order by position limit ${partSize}) part`,
    values: [String(after), String(through)],
  })
  const { through: last, low, high } = rows[0] as Record<string, string | null>
  return last === null ? undefined : { after, through: BigInt(last!), ids: [low!, high!] }
}

async function* scanPart(
  client: SqlClient,
  schema: string,
  part: Part,
  types: readonly string[] | undefined,
  state: { finished: boolean },
): AsyncGenerator<LogPage, void, undefined> {
  let events: RecordedEvent[] = []
  for await (const lines of copyOut(client, copyPart(schema, part, types), state)) {
    for (const line of lines) {
      events.push(eventOf(copyFields(line)))
      if (events.length === pageSize) {
        yield { events, through: events.at(-1)!.position }
        events = []
      }
    }
  }
  yield { events, through: part.through }
}

function copyPart(schema: string, part: Part, types: readonly string[] | undefined): string {
  const wanted =
    types === undefined ? '' : `and type = any(array[${types.map(literal).join(', ')}]::text[])`
  return `copy (
    select ${eventColumns}
    from (
      select position, id from ${schema}.event_sequence
      where position > ${part.after} and position <= ${part.through} order by position
    ) s cross join lateral (
      select * from ${schema}.event_log where id = s.id and id between ${part.ids[0]} and ${part.ids[1]} ${wanted} limit 1
    ) e
  ) to stdout`
}

/** COPY takes no parameters. */
function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
