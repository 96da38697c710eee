import type { AnyAggregate } from '../declare/aggregate.ts'
import { TailraceError } from '../errors.ts'
import {
  WriteConflict,
  WriteFailed,
  type AggregateKey,
  type AggregateRows,
  type CommandRecord,
  type Committed,
  type EachCommitted,
  type Loaded,
  type TimerToWrite,
  type WriteBatch,
  type WriteStore,
  type WriteTransaction,
} from '../ports/write-store.ts'
import { MemoryTables, type MemoryEvent } from './memory-tables.ts'

/** A fault that a store may meet at a call. `lost-…`: the answer is COMMAND_OUTCOME_UNKNOWN. */
export type StoreFault =
  /** Nothing happens; the server does not answer. */
  | 'unavailable'
  /** Nothing happens; WriteConflict. */
  | 'conflict'
  /** Nothing happens; the caller cannot know. */
  | 'lost-before-commit'
  /** All of it happens; the caller cannot know. */
  | 'lost-after-commit'
  /** It happens later: at the next call that would have to wait for it, or a few calls on. */
  | 'lost-while-committing'

export interface StoreCall {
  readonly operation: 'load' | 'commit' | 'commitEach' | 'transaction'
  readonly batches: readonly WriteBatch[]
}

export interface MemoryWriteStoreOptions {
  /** The time that `now()` and records show; RFC 3339. Default: a fixed day, one millisecond later per transaction. */
  readonly now?: () => string
  /** Chooses a fault for a call. Called once per call, before anything happens. */
  readonly fault?: (call: StoreCall) => StoreFault | undefined
  /** Awaited at the start and at the end of every call, to let others run in between. */
  readonly pause?: () => Promise<void>
  /** What the database would refuse about a batch, as a constraint's name. */
  readonly constraint?: (batch: WriteBatch) => string | undefined
  /** Answers `tx.query` of transactional commands. */
  readonly query?: (sql: string, parameters: readonly unknown[]) => readonly unknown[]
}

export interface MemoryWriteStore extends WriteStore {
  /** Everything that was appended, in commit order. */
  readonly events: readonly MemoryEvent[]
  rowsOf(aggregate: AnyAggregate, id: string): AggregateRows | undefined
  record(commandId: string): CommandRecord | undefined
  readonly records: readonly CommandRecord[]
  /** The timers that are set. */
  readonly timers: readonly TimerToWrite[]
  /** What was asked of the store that an engine must never ask, such as a gap in a stream's versions. */
  readonly violations: readonly string[]
  /** How often each operation was called. */
  readonly calls: Readonly<Record<StoreCall['operation'], number>>
}

/**
 * A write store in memory with the guarantees of a real one: atomic batches, version guards, keys that are unique over a
 * whole table, one record per command id. For tests of the rules and of the engine; it keeps nothing.
 */
export function memoryWriteStore(options: MemoryWriteStoreOptions = {}): MemoryWriteStore {
  return new MemoryStore(options)
}

/** Commits that were lost on their way and are still to happen. */
interface Straggler {
  readonly commit: (xid: string) => void
  readonly touches: ReadonlySet<string>
  callsLeft: number
}

class MemoryStore implements MemoryWriteStore {
  readonly calls = { load: 0, commit: 0, commitEach: 0, transaction: 0 }
  readonly #options: MemoryWriteStoreOptions
  readonly #tables = new MemoryTables()
  #stragglers: Straggler[] = []
  #transactions: Promise<unknown> = Promise.resolve()

  constructor(options: MemoryWriteStoreOptions) {
    this.#options = options
  }

  get events(): readonly MemoryEvent[] {
    return this.#tables.events
  }

  get violations(): readonly string[] {
    return this.#tables.violations
  }

  get records(): readonly CommandRecord[] {
    return [...this.#tables.records.values()]
  }

  get timers(): readonly TimerToWrite[] {
    return [...this.#tables.timers.values()]
  }

  rowsOf(aggregate: AnyAggregate, id: string): AggregateRows | undefined {
    const found = this.#tables.rowsOf(aggregate, id)
    return found && { root: found.root, children: found.children }
  }

  record(commandId: string): CommandRecord | undefined {
    return this.#tables.records.get(commandId)
  }

  now(): string {
    return this.#options.now?.() ?? timeOfDay(Number(this.#tables.xid))
  }

  async load(aggregates: readonly AggregateKey[], commandIds: readonly string[]): Promise<Loaded> {
    await this.#options.pause?.()
    if (this.#fault('load', []) !== undefined) throw unavailable()
    const loaded = {
      aggregates: aggregates.map(({ aggregate, id }) => this.#tables.rowsOf(aggregate, id)),
      commands: commandIds.map((id) => this.record(id)),
    }
    await this.#options.pause?.()
    return loaded
  }

  async commit(batch: WriteBatch): Promise<Committed> {
    return this.#committing('commit', [batch], (xid) => {
      this.#write(batch, xid)
      return { xid }
    })
  }

  async commitEach(batches: readonly WriteBatch[]): Promise<EachCommitted> {
    return this.#committing('commitEach', batches, (xid) => ({
      xid,
      failures: batches.map((batch) => this.#try(batch, xid)),
    }))
  }

  /**
   * Transactions run one after another, and their writes happen at the end: the locks of a real server at their coarsest.
   * What a batch committed meanwhile makes their guards fail, where a real server would have let one wait.
   */
  async transaction<T>(
    body: (
      tx: WriteTransaction,
    ) => Promise<{ readonly commit: WriteBatch | undefined; readonly value: T }>,
  ): Promise<{ value: T; committed: Committed | undefined }> {
    const run = this.#transactions.then(() => this.#transaction(body))
    this.#transactions = run.catch(() => undefined)
    return run
  }

  async #transaction<T>(
    body: (
      tx: WriteTransaction,
    ) => Promise<{ readonly commit: WriteBatch | undefined; readonly value: T }>,
  ): Promise<{ value: T; committed: Committed | undefined }> {
    const written: WriteBatch[] = []
    const tx: WriteTransaction = {
      query: async <Row>(sql: string, parameters: readonly unknown[] = []) => {
        const rows = (this.#options.query?.(sql, parameters) ?? []) as Row[]
        return { rows, rowCount: rows.length }
      },
      lock: async ({ aggregate, id }) => {
        await this.#options.pause?.()
        return this.rowsOf(aggregate, id)
      },
      write: async (batch) => void written.push(batch),
    }
    const { commit, value } = await body(tx)
    if (commit === undefined) return { value, committed: undefined }
    const batches = [...written, commit]
    const committed = await this.#committing('transaction', batches, (xid) => {
      for (const batch of batches) this.#write(batch, xid)
      return { xid }
    })
    return { value, committed }
  }

  #try(batch: WriteBatch, xid: string): WriteConflict | WriteFailed | undefined {
    try {
      this.#tables.savepoint(() => this.#write(batch, xid))
      return undefined
    } catch (error) {
      if (error instanceof WriteConflict || error instanceof WriteFailed) return error
      throw error
    }
  }

  async #committing<R>(
    operation: 'commit' | 'commitEach' | 'transaction',
    batches: readonly WriteBatch[],
    commit: (xid: string) => R,
  ): Promise<R> {
    await this.#options.pause?.()
    const fault = this.#fault(operation, batches)
    if (fault === 'unavailable') throw unavailable()
    if (fault === 'conflict') throw new WriteConflict('serialization', 'injected')
    if (fault === 'lost-before-commit') throw lost()
    this.#settleStragglers(touchedBy(batches))
    if (fault === 'lost-while-committing') {
      this.#stragglers.push({ commit, touches: touchedBy(batches), callsLeft: 5 })
      throw lost()
    }
    const answer = this.#tables.atomically(commit)
    await this.#options.pause?.()
    if (fault === 'lost-after-commit') throw lost()
    return answer
  }

  #write(batch: WriteBatch, xid: string): void {
    const constraint = this.#options.constraint?.(batch)
    if (constraint !== undefined)
      throw new WriteFailed(`constraint ${constraint}`, { sqlState: '23514', constraint })
    this.#tables.write(batch, xid, this.now())
  }

  #fault(
    operation: StoreCall['operation'],
    batches: readonly WriteBatch[],
  ): StoreFault | undefined {
    this.calls[operation]++
    for (const straggler of this.#stragglers) straggler.callsLeft--
    this.#settleStragglers(new Set())
    return this.#options.fault?.({ operation, batches })
  }

  /** A straggler happens when somebody would wait for its locks, or when its time has come. */
  #settleStragglers(touched: ReadonlySet<string>): void {
    const due = this.#stragglers.filter(
      (one) => one.callsLeft <= 0 || !one.touches.isDisjointFrom(touched),
    )
    this.#stragglers = this.#stragglers.filter((one) => !due.includes(one))
    for (const { commit } of due) {
      try {
        this.#tables.atomically(commit)
      } catch (error) {
        if (!(error instanceof WriteConflict) && !(error instanceof WriteFailed)) throw error
      }
    }
  }
}

function touchedBy(batches: readonly WriteBatch[]): Set<string> {
  const touched = new Set<string>()
  for (const { rows, commands } of batches) {
    for (const { aggregate, id } of rows) touched.add(`${aggregate.name} ${id}`)
    for (const { commandId } of commands) touched.add(commandId)
  }
  return touched
}

function unavailable(): TailraceError {
  return new TailraceError('UNAVAILABLE', 'injected: the write database does not answer', {
    retryable: true,
  })
}

function lost(): TailraceError {
  return new TailraceError(
    'COMMAND_OUTCOME_UNKNOWN',
    'injected: the connection was lost at commit',
    { retryable: true },
  )
}

/** A fixed day, one millisecond per transaction. */
function timeOfDay(ms: number): string {
  const part = (unit: number, modulus: number, digits: number): string =>
    String(Math.floor(ms / unit) % modulus).padStart(digits, '0')
  return `2026-01-01T${part(3_600_000, 24, 2)}:${part(60_000, 60, 2)}:${part(1_000, 60, 2)}.${part(1, 1_000, 3)}Z`
}
