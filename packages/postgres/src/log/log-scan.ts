import { setImmediate as loopTurn } from 'node:timers/promises'
import type { LogPage, RecordedEvent } from 'tailrace/adapter'
import type { SqlClient, SqlPool } from '../sql-pool.ts'
import { literal } from '../sql-text.ts'
import { CopiedRows } from './copied-rows.ts'
import { copyFields, copyOut } from './copy-out.ts'
import { eventColumns, eventOf } from './event-columns.ts'
import { asUnavailable } from './lost-connection.ts'

export interface LogScan {
  readonly after: bigint
  readonly through: bigint
  readonly types?: readonly string[]
}

/** Positions per COPY. One part is with the consumer while the next one is loaded: memory holds two. */
const partSize = 10_000n
const pageSize = 1_000

/** A lost connection is seen by the statement that is running; without a listener it would end the process. */
const ignore = (): void => undefined

/**
 * Streams a range of the log with COPY, part by part, in pages of at most 1,000 events. A part is one short statement,
 * so that no snapshot is held while the consumer works. Ends with the last sequenced event.
 */
export async function* scanLog(
  pool: SqlPool,
  schema: string,
  { after, through, types }: LogScan,
): AsyncGenerator<LogPage, void, undefined> {
  const client = await pool.connect().catch((error: unknown) => {
    throw asUnavailable(error)
  })
  client.on('error', ignore)
  const load = (from: bigint): Promise<Part | undefined> =>
    loadPart(client, schema, from, through, types)
  let loading: Promise<Part | undefined> | undefined = load(after)
  try {
    for (;;) {
      const part: Part | undefined = await loading
      loading = undefined
      if (part === undefined) return
      loading = load(part.through)
      // The consumer may be busy, or leave, when this one fails.
      loading.catch(ignore)
      for (const page of pagesOf(part)) {
        yield page
        // A consumer that never waits would keep the next part in the socket, and the server waiting for room in it.
        await loopTurn()
      }
    }
  } catch (error) {
    throw asUnavailable(error)
  } finally {
    // Left while something is under way: the connection is of no use to others.
    if (loading === undefined) client.removeListener('error', ignore)
    client.release(loading !== undefined)
  }
}

/** A part as it came. */
interface Part {
  readonly rows: CopiedRows
  readonly through: bigint
}

/** Makes the events of a page when the consumer asks for it, so that they are gone when the next page comes. */
function* pagesOf({ rows, through }: Part): Generator<LogPage, void, undefined> {
  let events: RecordedEvent[] = []
  for (const line of rows.lines()) {
    // The last page is the one that goes through to the end of the part.
    if (events.length === pageSize) {
      yield { events, through: events.at(-1)!.position }
      events = []
    }
    events.push(eventOf(withIsoTime(copyFields(line))))
  }
  yield { events, through }
}

interface Bounds {
  readonly after: bigint
  readonly through: bigint
  readonly lowest: bigint
  readonly highest: bigint
}

async function loadPart(
  client: SqlClient,
  schema: string,
  after: bigint,
  through: bigint,
  types: readonly string[] | undefined,
): Promise<Part | undefined> {
  const bounds = await boundsOfPart(client, schema, after, through)
  if (bounds === undefined) return undefined
  // By id on the server, which is nearly the order of positions and spares it a sort of whole rows.
  const rows = new CopiedRows()
  await copyOut(client, copyPart(schema, bounds, types), (row) => rows.add(row))
  return { rows, through: bounds.through }
}

async function boundsOfPart(
  client: SqlClient,
  schema: string,
  after: bigint,
  through: bigint,
): Promise<Bounds | undefined> {
  if (after >= through) return undefined
  const { rows } = await client.query({
    text: `select max(position)::text as last, min(id)::text as lowest, max(id)::text as highest from (
      select position, id from ${schema}.event_sequence where position > $1::bigint and position <= $2::bigint
      order by position limit ${partSize}) part`,
    values: [String(after), String(through)],
  })
  const { last, lowest, highest } = rows[0] as Record<keyof Bounds | 'last', string | null>
  if (last === null) return undefined
  return { after, through: BigInt(last), lowest: BigInt(lowest!), highest: BigInt(highest!) }
}

/**
 * The ids of a part are nearly dense: one range of the log joined with the part, which names its partitions when it is
 * planned. Events that committed long after they got their id lie far below the others and are looked up one by one.
 */
function copyPart(schema: string, bounds: Bounds, types: readonly string[] | undefined): string {
  const dense = bounds.highest - 4n * partSize
  const low = bounds.lowest > dense ? bounds.lowest : dense
  const wanted =
    types === undefined
      ? ''
      : `and e.type = any(array[${types.map(typeLiteral).join(', ')}]::text[])`
  const part = `select position, id from ${schema}.event_sequence
    where position > ${bounds.after} and position <= ${bounds.through}`
  const stragglers = `union all
    select ${columns} from (${part} and id < ${low}) s
    cross join lateral (select * from ${schema}.event_log where id = s.id limit 1) e where true ${wanted}`
  return `begin read only;
    set local datestyle = 'ISO'; set local timezone = 'UTC'; set local jit = off;
    set local enable_nestloop = off; set local max_parallel_workers_per_gather = 0;
    copy (
      select ${columns} from ${schema}.event_log e join (${part}) s on s.id = e.id
      where e.id between ${low} and ${bounds.highest} ${wanted}
      ${bounds.lowest < low ? stragglers : ''}
    ) to stdout;
    commit`
}

/** With the time as the server prints it, which is cheaper than formatting it there. */
const columns = eventColumns('e.at')
const timeColumn = 11

/** `2026-11-26 01:02:03.456789+00` → `2026-11-26T01:02:03.456Z`. Zeros at the end of the fraction are not printed. */
function withIsoTime(fields: (string | null)[]): (string | null)[] {
  const printed = fields[timeColumn]!
  const fraction = printed.slice(20, -3)
  fields[timeColumn] =
    fraction.length >= 3
      ? `${printed.slice(0, 10)}T${printed.slice(11, 23)}Z`
      : `${printed.slice(0, 10)}T${printed.slice(11, 19)}.${fraction.padEnd(3, '0')}Z`
  return fields
}

/** COPY takes no parameters. The text is the same with and without standard_conforming_strings. */
function typeLiteral(type: string): string {
  return type.includes('\\') ? ` E${literal(type.replaceAll('\\', '\\\\'))}` : literal(type)
}
