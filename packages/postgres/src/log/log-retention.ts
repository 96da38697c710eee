import { TailraceError } from 'tailrace/adapter'
import { quotedSchema } from '../schema-name.ts'
import { inTransaction, withClient, type SqlClient, type SqlPool } from '../sql-pool.ts'
import { asUnavailable } from './lost-connection.ts'

export interface LogRetention {
  readonly pool: SqlPool
  /** Default: `tailrace`. */
  readonly schema?: string
  /**
   * The lowest checkpoint of everything that reads the log: every projection version in every store, and every bus and
   * archive. Reactors are looked up here. A projection that is added or rebuilt later cannot see what was dropped.
   */
  readonly below: bigint
}

export interface Dropped {
  /** Names of the partitions that are gone. */
  readonly partitions: readonly string[]
  readonly positions: number
}

interface Partition {
  readonly name: string
  readonly from: string
  readonly to: string
}

/** Positions removed per transaction. */
const batchSize = 50_000

/**
 * Drops the oldest partitions of the log whose events all have a position that is not above `below`, nor above a reactor's
 * checkpoint. Whole partitions only, and never the one in use. Stops at one that a transaction works on. Nothing calls it
 * by itself; it may be called again at any time.
 */
export async function dropLogBelow(retention: LogRetention): Promise<Dropped> {
  const { pool } = retention
  const schema = quotedSchema(retention.schema ?? 'tailrace')
  const partitions: string[] = []
  let positions = 0
  try {
    for (const partition of await withClient(pool, (client) => oldPartitions(client, schema))) {
      if (!(await dropIfSettled(retention, schema, partition))) break
      partitions.push(partition.name)
      positions += await dropPositions(pool, schema, partition)
    }
  } catch (error) {
    throw asUnavailable(error)
  }
  return { partitions, positions }
}

/** Those before the partition in use, oldest first. */
async function oldPartitions(client: SqlClient, schema: string): Promise<Partition[]> {
  const { rows } = await client.query({
    text: `with parts as (
        select c.relname as name, substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \\(''(\\d+)''\\)')::bigint as low,
          substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \\(''(\\d+)''\\)')::bigint as high
        from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = to_regclass($1::text))
      select name, low::text as "from", high::text as "to" from parts
      where high <= coalesce(pg_sequence_last_value(pg_get_serial_sequence($1::text, 'id')::regclass), 0)
      order by low`,
    values: [`${schema}.event_log`],
  })
  return rows as Partition[]
}

/** Looks under a lock that no writer of the partition can hold too: what is not visible then was rolled back. */
async function dropIfSettled(
  { pool, below }: LogRetention,
  schema: string,
  part: Partition,
): Promise<boolean> {
  if (!/^event_log_\d+$/.test(part.name)) {
    throw new TailraceError(
      'DATABASE_UNSUITABLE',
      `expected partitions of the log to be named event_log_<number>, got "${part.name}"; detach it by hand`,
    )
  }
  const table = `${schema}.${part.name}`
  return inTransaction(pool, async (client) => {
    // Commands queue behind this lock while it is waited for, so it is waited for briefly.
    await client.query({ text: `set local lock_timeout = '500ms'` })
    const { rows } = await client
      .query({ text: `lock table ${table} in access exclusive mode` })
      .then(() => client.query({ text: stateOfPartition(schema, table) }))
    const { last, waiting, reactors } = rows[0] as Record<string, string | boolean | null>
    const limit =
      reactors === null || BigInt(reactors as string) > below ? below : BigInt(reactors as string)
    if (waiting === true || BigInt(last as string) > limit) return false
    await client.query({ text: `drop table ${table}` })
    return true
  }).catch((error: unknown) => {
    // 55P03: a transaction works on it.
    if ((error as { code?: string }).code === '55P03') return false
    throw error
  })
}

/** An event without a position keeps its partition. */
function stateOfPartition(schema: string, table: string): string {
  return `
    select coalesce(max(s.position), 0)::text as last, count(*) filter (where s.position is null) > 0 as waiting,
      (select min(position)::text from ${schema}.reactor_checkpoint) as reactors
    from ${table} e left join ${schema}.event_sequence s using (id)`
}

async function dropPositions(pool: SqlPool, schema: string, part: Partition): Promise<number> {
  let dropped = 0
  for (;;) {
    const { rowCount } = await withClient(pool, (client) =>
      client.query({
        text: `delete from ${schema}.event_sequence where id in (
          select id from ${schema}.event_sequence where id >= $1::bigint and id < $2::bigint order by id limit ${batchSize})`,
        values: [part.from, part.to],
      }),
    )
    dropped += rowCount ?? 0
    if ((rowCount ?? 0) < batchSize) return dropped
  }
}
