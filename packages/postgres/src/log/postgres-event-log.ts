import {
  TailraceError,
  slotCount,
  type Behind,
  type Clock,
  type EventLog,
  type LogEpoch,
  type LogHead,
  type LogIdentity,
  type LogPage,
  type LogRead,
  type RecordedEvent,
  type SlotRange,
} from 'tailrace/adapter'
import { quotedSchema } from '../schema-name.ts'
import { withClient, type SqlPool } from '../sql-pool.ts'
import { eventOf, textColumns, type EventFields } from './event-columns.ts'
import { establishHistory, readHistory, type LogHistory } from './log-history.ts'
import {
  oldestTransaction,
  readBehind,
  readEpochs,
  readHead,
  readPage,
  readPositions,
  resolveTransactions,
} from './log-queries.ts'
import { scanLog, type LogScan } from './log-scan.ts'
import { asUnavailable } from './lost-connection.ts'
import { repeatable } from './repeatable.ts'

export interface PostgresEventLogOptions {
  readonly pool: SqlPool
  readonly clock: Clock
  /** Default: `tailrace`. */
  readonly schema?: string
  /** A transaction is reported from this age on. Default: 60 s. */
  readonly oldTransactionMs?: number
}

/** Positions looked at per page: few statements, so that each is prepared once per connection. */
const scanSizes = [100, 1_000, 10_000, 25_000] as const
const oldTransactionEveryMs = 5_000

/** Opens the log of a migrated write database. Throws `LOG_NOT_PRIMARY` when the first opening meets a standby. */
export async function openEventLog(options: PostgresEventLogOptions): Promise<PostgresEventLog> {
  const schema = quotedSchema(options.schema ?? 'tailrace')
  const history = await withClient(options.pool, async (client) => {
    const { rows } = await client.query({ text: 'select pg_is_in_recovery() as standby' })
    const known = rows[0].standby === true ? await readHistory(client, schema) : undefined
    return known ?? (await establishHistory(client, schema))
  }).catch((error: unknown) => {
    throw asUnavailable(error)
  })
  return new PostgresEventLog(options, schema, history)
}

export class PostgresEventLog implements EventLog {
  private readonly pool: SqlPool
  private readonly clock: Clock
  private readonly schema: string
  private readonly oldTransactionMs: number
  private readonly statements: Statements
  private history: LogHistory
  private known: readonly LogEpoch[] = []
  private oldest: LogHead['oldestTransaction']
  private oldestAt = Number.NEGATIVE_INFINITY

  constructor(options: PostgresEventLogOptions, schema: string, history: LogHistory) {
    this.pool = options.pool
    this.clock = options.clock
    this.schema = schema
    this.oldTransactionMs = options.oldTransactionMs ?? 60_000
    this.statements = statementsOf(options.pool, schema)
    this.history = history
  }

  /** As of the last look at the head. */
  get identity(): LogIdentity {
    return { systemId: this.history.systemId, epoch: this.history.epoch }
  }

  async read({ after, slots, limit, types }: LogRead): Promise<LogPage> {
    const bits = slotBits(slots)
    // With nothing to leave out, as many are looked at as are wanted.
    const wanted = bits === null && types === undefined ? limit : Math.max(limit, 1_000)
    const scan = scanSizes.find((size) => size >= wanted) ?? scanSizes.at(-1)!
    const most = Math.min(limit, scan)
    const rows = await this.statements.pages.get(scan)!([String(after), bits, types ?? null, most])
    const events: RecordedEvent[] = []
    for (const row of rows) if (row[1] !== null) events.push(eventOf(row, 1))
    if (events.length === most) return { events, through: events.at(-1)!.position }
    const scanned = rows[0]![0]
    return { events, through: scanned === null ? after : BigInt(scanned!) }
  }

  async readAt(positions: readonly bigint[]): Promise<RecordedEvent[]> {
    if (positions.length > 1_000) {
      throw new TailraceError(
        'CONFIG',
        `expected at most 1,000 positions, got ${positions.length}; ask in pages`,
      )
    }
    const rows = await this.statements.positions([positions.map(String)])
    return rows.map((row) => eventOf(row))
  }

  scan(range: LogScan): AsyncIterable<LogPage> {
    return scanLog(this.pool, this.schema, range)
  }

  async head(): Promise<LogHead> {
    const now = this.clock.monotonic()
    const look = now - this.oldestAt >= oldTransactionEveryMs
    if (look) this.oldestAt = now
    const [rows, old] = await Promise.all([
      this.statements.head(),
      look ? this.statements.oldest([this.oldTransactionMs]) : undefined,
    ])
    const [position, systemId, epoch, nowMs, unsequenced, oldestMs, seenMs, trouble] = rows[0]!
    if (old !== undefined) this.oldest = oldestOf(old[0])
    if (Number(epoch) !== this.history.epoch) await this.refreshHistory()
    return {
      systemId: systemId!,
      epoch: Number(epoch),
      position: BigInt(position!),
      nowMs: Number(nowMs),
      unsequenced: Number(unsequenced),
      oldestUnsequencedAtMs: numberOf(oldestMs),
      sequencerSeenMs: numberOf(seenMs),
      ...(trouble === null || trouble === undefined ? {} : { sequencerTrouble: trouble }),
      ...(this.oldest === undefined ? {} : { oldestTransaction: this.oldest }),
    }
  }

  async behind(positions: readonly bigint[]): Promise<readonly Behind[]> {
    if (positions.length === 0) return []
    if (this.known.at(-1)?.epoch !== this.history.epoch) await this.epochs()
    const rows = await this.statements.behind([positions.map(String)])
    return positions.map((position, i) => {
      const [head, oldestMs] = rows[i]!
      return {
        events: eventsBetween(position, BigInt(head ?? 0), this.known),
        oldestAtMs: numberOf(oldestMs),
      }
    })
  }

  async resolve(xids: readonly string[]): Promise<readonly (bigint | 'pending' | undefined)[]> {
    if (xids.length === 0) return []
    if (xids.length > 1_000) {
      throw new TailraceError(
        'CONFIG',
        `expected at most 1,000 transactions, got ${xids.length}; ask in pages`,
      )
    }
    const rows = await this.statements.resolve([xids, String(this.history.foreignId)])
    return rows.map(([over, last, position]) => {
      if (over !== 't') return undefined
      if (last === null) return 0n
      return position === null ? 'pending' : BigInt(position!)
    })
  }

  async epochs(): Promise<readonly LogEpoch[]> {
    const rows = await this.statements.epochs()
    this.known = rows.map(([systemId, epoch, last, first]) => ({
      systemId: systemId!,
      epoch: Number(epoch),
      lastPosition: BigInt(last!),
      firstPosition: BigInt(first!),
    }))
    return this.known
  }

  private async refreshHistory(): Promise<void> {
    const history = await withClient(this.pool, (client) => readHistory(client, this.schema))
    if (history !== undefined) this.history = history
    await this.epochs()
  }
}

type Statement = (values?: unknown[]) => Promise<EventFields[]>

interface Statements {
  /** By how many positions are looked at. */
  readonly pages: ReadonlyMap<number, Statement>
  readonly positions: Statement
  readonly head: Statement
  readonly oldest: Statement
  readonly behind: Statement
  readonly resolve: Statement
  readonly epochs: Statement
}

function statementsOf(pool: SqlPool, schema: string): Statements {
  const make = (kind: string, text: string): Statement =>
    repeatable(pool, `log_${kind}`, text, { types: textColumns, rowMode: 'array' })
  return {
    pages: new Map(scanSizes.map((size) => [size, make('page', readPage(schema, size))])),
    positions: make('positions', readPositions(schema)),
    head: make('head', readHead(schema)),
    oldest: make('oldest', oldestTransaction),
    behind: make('behind', readBehind(schema)),
    resolve: make('resolve', resolveTransactions(schema)),
    epochs: make('epochs', readEpochs(schema)),
  }
}

/** 256 bits, one per slot; null when all are asked for. */
function slotBits(ranges: readonly SlotRange[]): string | null {
  if (ranges.length === 1 && ranges[0]!.from === 0 && ranges[0]!.to === slotCount - 1) return null
  const bits = Array.from({ length: slotCount }, () => '0')
  for (const { from, to } of ranges) bits.fill('1', from, to + 1)
  return bits.includes('0') ? bits.join('') : null
}

/** Positions are dense, save for the jumps between histories: counting needs no scan. */
function eventsBetween(after: bigint, head: bigint, epochs: readonly LogEpoch[]): number {
  let events = head > after ? head - after : 0n
  for (const { lastPosition, firstPosition } of epochs) {
    const from = lastPosition > after ? lastPosition : after
    const to = firstPosition < head ? firstPosition : head
    if (to > from) events -= to - from
  }
  return Number(events)
}

function oldestOf(row: EventFields | undefined): LogHead['oldestTransaction'] {
  return row === undefined
    ? undefined
    : {
        pid: Number(row[0]),
        ageMs: Number(row[1]),
        query: row[2] ?? '',
        application: row[3] ?? '',
      }
}

function numberOf(text: string | null | undefined): number | undefined {
  return text === null || text === undefined ? undefined : Number(text)
}
