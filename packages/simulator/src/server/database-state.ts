import type {
  AggregateRows,
  CommandRecord,
  EventToAppend,
  LogEpoch,
  SlotRange,
  Trouble,
} from 'tailrace/adapter'
import type { Snapshot } from './snapshot.ts'

/** An event as the table of the log holds it. */
export interface LogRow extends EventToAppend {
  readonly id: number
  readonly xid: number
  readonly at: string
  readonly atMs: number
  /** When its transaction committed, in the database's time: no reader sees this, checks do. */
  committedAtMs: number
}

export interface StepRow {
  readonly previous: bigint
  readonly position: bigint
  readonly snapshot: Snapshot
  readonly frozen: Snapshot | undefined
  readonly afterId: number
}

export interface TimerRow {
  readonly schedule: string
  readonly stream: string
  readonly id: string
  readonly at: string
  readonly atMs: number
  readonly hiddenUntilMs: number
  readonly command: string
  readonly input: unknown
  /** Of this setting. */
  readonly failures?: number
  readonly error?: string
}

export interface LeaseRow {
  readonly projection: string
  readonly version: number
  readonly range: number
  readonly slots: SlotRange
  readonly owner: string | undefined
  readonly fence: bigint
  readonly untilMs: number
  readonly paused: boolean
  /** What the owner said with the last renewal. */
  readonly trouble?: Trouble | undefined
}

export interface LedgerRow {
  readonly outcome: 'done' | 'failed' | 'repeat' | 'skipped'
  readonly error: string | undefined
  readonly atMs: number
  /** How often it was asked for again. */
  readonly repeats: number
}

/** Everything that is committed. Rows are never changed in place, so a copy of the containers is a backup. */
export class DatabaseState {
  nextXid = 1_000
  nextEventId = 1
  timeline = 1
  /** Aggregate name and id → rows. */
  aggregates = new Map<string, AggregateRows>()
  /** Table and key of child rows → the aggregate that has it. */
  childOwners = new Map<string, string>()
  records = new Map<string, CommandRecord>()
  timers = new Map<string, TimerRow>()
  /** By commit. */
  events: LogRow[] = []
  /** By position. */
  sequenced: { readonly position: bigint; readonly row: LogRow }[] = []
  positions = new Map<number, bigint>()
  steps: StepRow[] = []
  sequencerSeenMs: number | undefined
  sequencerTrouble: string | undefined
  epochs: (LogEpoch & { readonly timeline: number })[] = []
  leases = new Map<string, LeaseRow>()
  reactorCheckpoints = new Map<string, { readonly position: bigint; readonly fence: bigint }>()
  ledger = new Map<string, LedgerRow>()
  /** Where each range of the reactor began: no reader sees this, checks do. */
  reactorStarts = new Map<number, bigint>()

  copy(): DatabaseState {
    const copy = new DatabaseState()
    Object.assign(copy, this)
    copy.aggregates = new Map(this.aggregates)
    copy.childOwners = new Map(this.childOwners)
    copy.records = new Map(this.records)
    copy.timers = new Map(this.timers)
    copy.events = [...this.events]
    copy.sequenced = [...this.sequenced]
    copy.positions = new Map(this.positions)
    copy.steps = [...this.steps]
    copy.epochs = [...this.epochs]
    copy.leases = new Map(this.leases)
    copy.reactorCheckpoints = new Map(this.reactorCheckpoints)
    copy.ledger = new Map(this.ledger)
    copy.reactorStarts = new Map(this.reactorStarts)
    return copy
  }
}
