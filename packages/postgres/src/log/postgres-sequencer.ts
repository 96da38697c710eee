import {
  TailraceError,
  type ActiveSequencer,
  type LogIdentity,
  type SequencerCursor,
  type SequencerStep,
  type SequencerStore,
} from 'tailrace/adapter'
import { quotedSchema } from '../schema-name.ts'
import type { SqlClient, SqlPool } from '../sql-pool.ts'
import { asUnavailable } from './lost-connection.ts'
import { establishHistory, type LogHistory } from './log-history.ts'
import { assertSuitable, claimPlace, evictStalled, prepareSession } from './sequencer-session.ts'
import { cursorAfter, stepStatement, type StepRow } from './sequencer-step.ts'

export interface PostgresSequencerOptions {
  /** The active sequencer keeps one connection of it, which must be a session: no transaction pooler in between. */
  readonly pool: SqlPool
  /** Default: `tailrace`. */
  readonly schema?: string
  /** A holder of the place that has not reported for so long is made to lose its connection. Default: 10 s. */
  readonly stalledAfterMs?: number
}

/** Steps that are kept behind the last one, for looking at. */
const stepsKept = 1_000n

/** The sequencer's place and cursor in the write database. */
export function postgresSequencer(options: PostgresSequencerOptions): SequencerStore {
  const schema = quotedSchema(options.schema ?? 'tailrace')
  const stalledAfterMs = options.stalledAfterMs ?? 10_000
  return {
    async acquire(trouble) {
      const client = await options.pool.connect().catch((error: unknown) => {
        throw asUnavailable(error)
      })
      const session = new SequencerSession(client, schema)
      try {
        await assertSuitable(client, schema)
        if (await claimPlace(client, schema)) return await session.start(trouble)
        await evictStalled(client, schema, stalledAfterMs)
        session.end(false)
        return undefined
      } catch (error) {
        session.end(true)
        throw asUnavailable(error)
      }
    },
  }
}

class SequencerSession implements ActiveSequencer {
  private readonly client: SqlClient
  private readonly schema: string
  private history: LogHistory | undefined
  private durable: SequencerCursor | undefined
  private ended = false
  private running = 0
  private lost: Error | undefined
  private prunedBelow = -1n

  constructor(client: SqlClient, schema: string) {
    this.client = client
    this.schema = schema
    client.on('error', this.onError)
  }

  private readonly onError = (error: Error): void => {
    this.lost = error
  }

  get cursor(): SequencerCursor {
    return this.durable!
  }

  get identity(): LogIdentity {
    return { systemId: this.history!.systemId, epoch: this.history!.epoch }
  }

  /** The place is ours: from here on the connection belongs to the sequencer and is closed at the end. */
  async start(trouble?: string): Promise<this> {
    await prepareSession(this.client)
    this.history = await establishHistory(this.client, this.schema)
    this.durable = await readCursor(this.client, this.schema)
    await this.maintain(trouble)
    return this
  }

  async step(cursor: SequencerCursor, limit: number): Promise<SequencerStep> {
    const statement = stepStatement(this.schema, cursor, this.history!.foreignId, limit)
    const { rows } = await this.query(statement).catch((error: unknown) => {
      // A position or an event that has its place already: the same race, seen by the keys of event_sequence.
      throw (error as { code?: string }).code === '23505' ? fenced(cursor, error) : error
    })
    const row = rows[0] as StepRow
    if (row.placed !== row.taken) throw fenced(cursor)
    return { assigned: Number(row.taken), cursor: cursorAfter(cursor, row), more: row.more }
  }

  async maintain(trouble?: string): Promise<void> {
    await this.query({
      text: `update ${this.schema}.sequencer set seen_at = clock_timestamp(), trouble = left($1::text, 2000)`,
      values: [trouble ?? null],
    })
    await this.query({ text: `select ${this.schema}.ensure_log_partitions()` })
    await this.pruneSteps()
  }

  /** The next sequencer need not wait until the server has noticed the end of the connection. */
  async release(): Promise<void> {
    const reachable = !this.ended && this.lost === undefined && this.running === 0
    const unlock = { text: 'select pg_advisory_unlock_all()', query_timeout: 1_000 }
    if (reachable) await this.client.query(unlock).catch(() => undefined)
    this.end(true)
  }

  end(destroy: boolean): void {
    if (this.ended) return
    this.ended = true
    // The listener stays on a connection that is closed: its end may still be reported as an error.
    if (!destroy && this.lost === undefined) this.client.removeListener('error', this.onError)
    this.client.release(destroy || this.lost !== undefined)
  }

  /** Old steps go from the low end, never below where the last call ended: dead index entries there are not read again. */
  private async pruneSteps(): Promise<void> {
    const { rows } = await this.query({
      text: `with bound as (
          select coalesce(max(previous), -1) as previous from (
            select previous from ${this.schema}.sequencer_step order by previous desc offset $2 limit 1) kept),
        gone as (
          delete from ${this.schema}.sequencer_step s using bound
          where s.previous >= $1::bigint and s.previous < bound.previous)
        select previous::text from bound`,
      values: [String(this.prunedBelow), String(stepsKept)],
    })
    this.prunedBelow = BigInt(rows[0].previous as string)
  }

  private async query(
    statement: Parameters<SqlClient['query']>[0],
  ): ReturnType<SqlClient['query']> {
    if (this.ended) {
      throw new TailraceError(
        'ADAPTER_CLOSED',
        'expected an active sequencer, got one that gave its place up; acquire it again',
      )
    }
    this.running++
    try {
      return await this.client.query(statement)
    } catch (error) {
      throw asUnavailable(this.lost ?? error)
    } finally {
      this.running--
    }
  }
}

function fenced(cursor: SequencerCursor, cause?: unknown): TailraceError {
  return new TailraceError(
    'LOG_FENCED',
    `expected to go on from position ${cursor.position}, got a cursor that another sequencer moved; this one steps down`,
    { retryable: true, cause },
  )
}

async function readCursor(client: SqlClient, schema: string): Promise<SequencerCursor> {
  const { rows } = await client.query({
    text: `select position::text, snapshot::text, frozen_hi::text, after_id::text
      from ${schema}.sequencer_step order by previous desc limit 1`,
  })
  const row = rows[0]
  if (row === undefined) {
    throw new TailraceError(
      'DATABASE_UNSUITABLE',
      `expected a cursor in ${schema}.sequencer_step, got an empty table; restore it, or start from the log's first event with snapshot '1:1:'`,
    )
  }
  return {
    position: BigInt(row.position as string),
    lo: row.snapshot as string,
    hi: (row.frozen_hi as string | null) ?? undefined,
    afterId: BigInt(row.after_id as string),
  }
}
