import type { AggregateRows, CommandRecord } from 'tailrace/adapter'
import type { DatabaseState, LogRow, TimerRow } from './database-state.ts'
import type { LockHolder } from './row-locks.ts'

/** What a transaction has written and nobody else sees yet. */
export class Changes {
  aggregates = new Map<string, AggregateRows | undefined>()
  childOwners = new Map<string, string | undefined>()
  records = new Map<string, CommandRecord>()
  timers = new Map<string, TimerRow | undefined>()
  events: LogRow[] = []

  copy(): Changes {
    const copy = new Changes()
    copy.aggregates = new Map(this.aggregates)
    copy.childOwners = new Map(this.childOwners)
    copy.records = new Map(this.records)
    copy.timers = new Map(this.timers)
    copy.events = [...this.events]
    return copy
  }

  /** Makes them the state of the database. */
  applyTo(state: DatabaseState, nowMs: number): void {
    apply(this.aggregates, state.aggregates)
    apply(this.childOwners, state.childOwners)
    apply(this.records, state.records)
    apply(this.timers, state.timers)
    for (const event of this.events) {
      event.committedAtMs = nowMs
      state.events.push(event)
    }
  }
}

function apply<V>(changes: ReadonlyMap<string, V | undefined>, to: Map<string, V>): void {
  for (const [key, value] of changes) {
    if (value === undefined) to.delete(key)
    else to.set(key, value)
  }
}

export type Isolation = 'read committed' | 'repeatable read'

/** The rows that a snapshot shows. */
export type SeenRows = Pick<DatabaseState, 'aggregates' | 'timers'>

/** A transaction of the simulated database. It gets its id with its first write. */
export class Transaction implements LockHolder {
  readonly isolation: Isolation
  /** Under repeatable read: what its first statement saw, and all that follow see. */
  frozen: SeenRows | undefined
  xid: number | undefined
  state: 'open' | 'committed' | 'aborted' = 'open'
  changes = new Changes()
  readonly locks = new Set<string>()
  abandon: LockHolder['abandon']
  waitsFor: string | undefined
  /** Run with the commit: what the sequencer's step makes visible. */
  readonly onCommit: ((state: DatabaseState) => void)[] = []

  constructor(isolation: Isolation) {
    this.isolation = isolation
  }

  /** What a statement that begins now sees of what others have committed. */
  snapshot(state: DatabaseState): SeenRows {
    if (this.isolation === 'read committed') return state
    return (this.frozen ??= {
      aggregates: new Map(state.aggregates),
      timers: new Map(state.timers),
    })
  }

  /** As `aggregate`, but as the statement's snapshot shows it. */
  seenAggregate(state: DatabaseState, key: string): AggregateRows | undefined {
    return this.changes.aggregates.has(key)
      ? this.changes.aggregates.get(key)
      : this.snapshot(state).aggregates.get(key)
  }

  seenTimer(state: DatabaseState, key: string): TimerRow | undefined {
    return this.changes.timers.has(key)
      ? this.changes.timers.get(key)
      : this.snapshot(state).timers.get(key)
  }

  aggregate(state: DatabaseState, key: string): AggregateRows | undefined {
    return this.changes.aggregates.has(key)
      ? this.changes.aggregates.get(key)
      : state.aggregates.get(key)
  }

  timer(state: DatabaseState, key: string): TimerRow | undefined {
    return this.changes.timers.has(key) ? this.changes.timers.get(key) : state.timers.get(key)
  }

  childOwner(state: DatabaseState, key: string): string | undefined {
    return this.changes.childOwners.has(key)
      ? this.changes.childOwners.get(key)
      : state.childOwners.get(key)
  }

  hasRecord(state: DatabaseState, id: string): boolean {
    return this.changes.records.has(id) || state.records.has(id)
  }
}
