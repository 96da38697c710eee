import type { Simulation } from '../kernel/simulation.ts'
import { startMs } from '../kernel/process-clock.ts'
import type { Random } from '../kernel/random.ts'
import { NoAnswer, type Server } from '../kernel/network.ts'
import { DatabaseState } from './database-state.ts'
import { RowLocks, type Hears, type LockFor } from './row-locks.ts'
import type { Snapshot } from './snapshot.ts'
import { Transaction, type Isolation } from './transaction.ts'

export interface DatabaseTuning {
  /** Mean time from the end of the statements to the commit, milliseconds: the flush of the log. */
  readonly commitMs: number
  /** Probability that a transaction is held up between its first write and its locks. */
  readonly stumble: number
  /** A session that holds the sequencer's place and has not reported for so long is ended by one that wants it. */
  readonly stalledAfterMs: number
}

/**
 * The write database: what PostgreSQL guarantees and what it does not. Transactions become visible when they commit, in
 * another order than their ids say; a crash keeps what was committed and nothing else.
 */
export class Database {
  readonly simulation: Simulation
  readonly server: Server
  readonly tuning: DatabaseTuning
  readonly systemId = '00000000000000d0'
  readonly locks = new RowLocks()
  /** Database time minus true time, milliseconds. */
  readonly skewMs: number
  state = new DatabaseState()
  /** Each setting of a timer has an id that no other has ever had, also after the database went back in time. */
  timersSet = 0
  /** Names of the aggregates, in the order in which statements go through their tables. */
  aggregates: readonly string[] = []
  /** The session that holds the sequencer's place. */
  place: { readonly lost: (() => void)[]; activeMs: number } | undefined
  /** Ends every session of a sequencer, also of those that have no place any more. */
  readonly sequencerSessions = new Set<() => void>()
  readonly doorbells = new Set<() => void>()
  readonly #random: Random
  readonly #running = new Map<number, Transaction>()
  readonly #open = new Set<Transaction>()

  constructor(simulation: Simulation, server: Server, tuning: DatabaseTuning, skewMs: number) {
    this.simulation = simulation
    this.server = server
    this.tuning = tuning
    this.skewMs = skewMs
    this.#random = simulation.random()
    this.state.steps.push({
      previous: -1n,
      position: 0n,
      snapshot: this.snapshot(),
      frozen: undefined,
      afterId: 0,
    })
  }

  nowMs(): number {
    return startMs + this.simulation.kernel.nowMs + this.skewMs
  }

  snapshot(): Snapshot {
    return { xmax: this.state.nextXid, running: [...this.#running.keys()] }
  }

  begin(isolation: Isolation = 'read committed'): Transaction {
    const transaction = new Transaction(isolation)
    this.#open.add(transaction)
    return transaction
  }

  /** The first write gives a transaction its id, before it waits for anything. */
  async writes(transaction: Transaction): Promise<number> {
    if (transaction.xid !== undefined) return transaction.xid
    const xid = this.giveId(transaction)
    if (this.#random.chance(this.tuning.stumble)) {
      this.simulation.marks.sometimes('a transaction stumbles between its id and its locks')
      await this.#aWhile(transaction, this.#random.spread(10))
    }
    return xid
  }

  giveId(transaction: Transaction): number {
    if (transaction.xid !== undefined) return transaction.xid
    const xid = this.state.nextXid++
    transaction.xid = xid
    this.#running.set(xid, transaction)
    return xid
  }

  async lock(
    transaction: Transaction,
    key: string,
    what: LockFor = 'change',
    hears?: Hears,
  ): Promise<void> {
    const wait = this.locks.take(transaction, key, what, hears)
    if (wait === undefined) return
    this.simulation.marks.sometimes('a transaction waits for a row')
    await wait
    this.assertOpen(transaction)
  }

  /** Commits: after the flush everything is visible at once, then the locks are free. */
  async commit(transaction: Transaction): Promise<string> {
    const xid = transaction.xid ?? (await this.writes(transaction))
    await this.#aWhile(transaction, this.#random.spread(this.tuning.commitMs))
    transaction.state = 'committed'
    this.#running.delete(xid)
    this.#open.delete(transaction)
    transaction.changes.applyTo(this.state, this.nowMs())
    for (const apply of transaction.onCommit) apply(this.state)
    this.simulation.trace.number(xid)
    this.#say(transaction)
    this.locks.release(transaction, [...transaction.locks])
    return String(xid)
  }

  rollback(transaction: Transaction): void {
    if (transaction.state !== 'open') return
    transaction.state = 'aborted'
    if (transaction.xid !== undefined) this.#running.delete(transaction.xid)
    this.#open.delete(transaction)
    transaction.abandon?.(new NoAnswer(this.server.name, true))
    this.locks.release(transaction, [...transaction.locks])
  }

  /** The server is gone in this moment. What was not committed never was. */
  crash(): void {
    this.server.up = false
    const open = [...this.#open]
    for (const transaction of open) this.rollback(transaction)
    this.losePlace()
    for (const end of this.sequencerSessions) end()
    this.sequencerSessions.clear()
  }

  /** It answers again. */
  recover(): void {
    this.server.up = true
  }

  /** The state of an earlier moment comes back, under a new timeline: transaction ids are given a second time. */
  restore(backup: DatabaseState): void {
    const timeline = this.state.timeline + 1
    this.crash()
    this.state = backup.copy()
    this.state.timeline = timeline
    // Ids of transactions are given again: stamps name the run of the server too.
    for (const [key, rows] of this.state.aggregates)
      this.state.aggregates.set(key, {
        ...rows,
        stamp: rows.stamp?.replace(/\/.*/, `/${this.run}`),
      })
  }

  /** Of the server; it is another one after a restore. */
  get run(): number {
    return this.state.timeline
  }

  losePlace(): void {
    const { place } = this
    this.place = undefined
    for (const lost of place?.lost ?? []) lost()
  }

  assertOpen(transaction: Transaction): void {
    if (transaction.state !== 'open') throw new NoAnswer(this.server.name, true)
  }

  ring(): void {
    for (const ring of this.doorbells) ring()
  }

  #say({ xid, changes }: Transaction): void {
    if (changes.events.length === 0) return
    this.simulation.say('database', () => {
      const events = changes.events.map(
        ({ id, type, stream, version }) => `${id} ${type} ${stream}@${version}`,
      )
      return `commit ${xid}: ${events.join(', ')}`
    })
  }

  async #aWhile(transaction: Transaction, ms: number): Promise<void> {
    await this.simulation.kernel.pause(ms, 'database')
    this.assertOpen(transaction)
  }
}
