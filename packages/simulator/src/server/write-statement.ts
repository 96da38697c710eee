import {
  WriteConflict,
  WriteFailed,
  type CommandToRecord,
  type EventToAppend,
  type IssuedTimer,
  type RowChange,
  type TimerToWrite,
  type WriteBatch,
} from 'tailrace/adapter'
import type { Database } from './database.ts'
import { aggregateKey, asJson, changeRows, childKey } from './row-changes.ts'
import type { LockFor } from './row-locks.ts'
import { byId, changedMeanwhile, lockVersions } from './row-versions.ts'
import type { Transaction } from './transaction.ts'

/**
 * The one statement that writes a batch. It goes through the tables in one order: first the rows that must be there, then
 * those that must not, then commands and timers, and at the end the events, whose ids hence have the order of the locks.
 * Throws `WriteConflict` or `WriteFailed`; what the statement wrote is undone then, its locks stay until the end of the
 * transaction.
 */
export async function writeBatch(
  database: Database,
  transaction: Transaction,
  batch: WriteBatch,
): Promise<void> {
  const before = transaction.changes.copy()
  transaction.snapshot(database.state)
  const timers = seenTimers(database, transaction, batch.timers)
  try {
    await lockVersions(database, transaction, batch)
    await lockIssued(database, transaction, batch.issued)
    await lockNew(database, transaction, batch.rows)
    changeRows(database, transaction, batch.rows)
    await recordCommands(database, transaction, batch.commands)
    await setTimers(database, transaction, timers)
    if (transaction.xid === undefined) await database.writes(transaction)
    appendEvents(database, transaction, batch.events)
    lookAtParents(database, transaction, batch.rows)
  } catch (error) {
    // What failed leaves nothing, whatever the rest of the transaction does.
    transaction.changes = before
    throw error
  }
}

/** Keys of new rows: whoever finds one that is being made or removed waits for the outcome. */
async function lockNew(
  database: Database,
  transaction: Transaction,
  rows: readonly RowChange[],
): Promise<void> {
  const ordered = rows.every(({ op }) => op === 'insert') ? rows : byId(rows)
  for (const name of database.aggregates) {
    const made = ordered.filter(({ op, aggregate }) => op === 'insert' && aggregate.name === name)
    for (const { aggregate, id } of made.filter(({ of, aggregate: { root } }) => of === root)) {
      const key = aggregateKey(aggregate, id)
      const exists = () => transaction.aggregate(database.state, key) !== undefined
      await takeKey(database, transaction, `row ${key}`, exists)
      if (exists()) throw new WriteConflict('exists', `expected no ${key}, got one`)
    }
    for (const change of made)
      if (change.of !== change.aggregate.root)
        await lockNewChild(database, transaction, change, rows)
  }
}

async function lockNewChild(
  database: Database,
  transaction: Transaction,
  { aggregate, of, row }: RowChange,
  rows: readonly RowChange[],
): Promise<void> {
  const key = childKey(aggregate, of, row)
  const same = (op: RowChange['op']) =>
    rows.filter(
      (other) =>
        other.op === op && other.of === of && childKey(other.aggregate, of, other.row) === key,
    )
  const twice = same('insert').length > 1
  const freed = same('delete').length > 0
  const exists = () =>
    twice || (!freed && transaction.childOwner(database.state, key) !== undefined)
  await takeKey(database, transaction, `key ${key}`, exists)
  if (exists())
    throw new WriteFailed(`duplicate key: ${key}`, { sqlState: '23505', constraint: of })
}

/**
 * A foreign key locks every row that it can see under the parent's key, at the end of the statement: under one snapshot also
 * one that somebody else has removed since, whose key this transaction has taken.
 */
function lookAtParents(
  database: Database,
  transaction: Transaction,
  rows: readonly RowChange[],
): void {
  if (transaction.isolation !== 'repeatable read') return
  for (const { op, of, aggregate, id } of rows) {
    if (op !== 'insert' || of === aggregate.root) continue
    const key = aggregateKey(aggregate, id)
    const shown = transaction.snapshot(database.state).aggregates.get(key)
    if (shown !== undefined && database.state.aggregates.get(key)?.root !== shown.root)
      throw changedMeanwhile()
  }
}

/** The row is written before its key is compared. A row that others only lock is there, whatever becomes of them. */
async function takeKey(
  database: Database,
  transaction: Transaction,
  key: string,
  exists: () => boolean,
): Promise<void> {
  await database.writes(transaction)
  if (!database.locks.isChanging(key) && exists()) return
  await database.lock(transaction, key)
}

async function recordCommands(
  database: Database,
  transaction: Transaction,
  commands: readonly CommandToRecord[],
): Promise<void> {
  for (const command of commands) {
    await database.writes(transaction)
    await database.lock(transaction, `command ${command.commandId}`)
    if (transaction.hasRecord(database.state, command.commandId))
      throw new WriteConflict('command', `expected no record of ${command.commandId}, got one`)
    transaction.changes.records.set(command.commandId, {
      ...command,
      rejection: asJson(command.rejection),
      xid: String(transaction.xid),
      at: new Date(database.nowMs()).toISOString(),
    })
  }
}

/** Timers that commands were issued for: they must be there, as they were handed out. */
async function lockIssued(
  database: Database,
  transaction: Transaction,
  issued: readonly IssuedTimer[],
): Promise<void> {
  for (const { schedule, stream, id } of issued) {
    const key = `${schedule} ${stream}`
    const seen = transaction.seenTimer(database.state, key)
    if (seen?.id !== id) throw timerGone(database, key)
    const isMoved = (): boolean =>
      transaction.isolation === 'repeatable read' && transaction.timer(database.state, key) !== seen
    const settled = (how: LockFor): void => {
      if (isMoved()) transaction.abandon?.(changedMeanwhile())
      else if (how !== 'remove') database.giveId(transaction)
    }
    if (isMoved()) throw changedMeanwhile()
    await database.lock(transaction, `timer ${key}`, 'lock', {
      granted: () => settled('lock'),
      passed: settled,
    })
    if (isMoved()) throw changedMeanwhile()
    if (transaction.timer(database.state, key)?.id !== id) throw timerGone(database, key)
    await database.writes(transaction)
  }
}

function timerGone(database: Database, key: string): WriteFailed {
  database.simulation.marks.sometimes('a command is committed whose timer is gone')
  return new WriteFailed(`expected the timer "${key}" to be set`, { timerGone: true })
}

interface TimerChange {
  readonly key: string
  readonly timer: TimerToWrite
  /** The row as the statement sees it. */
  readonly seen: unknown
}

/** The last word on each timer; those that are cancelled come first. */
function seenTimers(
  database: Database,
  transaction: Transaction,
  timers: readonly TimerToWrite[],
): TimerChange[] {
  const last = new Map(timers.map((timer) => [`${timer.schedule} ${timer.stream}`, timer]))
  const changes = [...last].map(([key, timer]) => ({
    key,
    timer,
    seen: transaction.seenTimer(database.state, key),
  }))
  return changes.toSorted(
    (a, b) => Number(a.timer.at !== undefined) - Number(b.timer.at !== undefined),
  )
}

async function setTimers(
  database: Database,
  transaction: Transaction,
  timers: readonly TimerChange[],
): Promise<void> {
  for (const { key, timer, seen } of timers) {
    const { schedule, stream, at, command, input } = timer
    if (at === undefined && seen === undefined) continue
    await database.writes(transaction)
    await database.lock(transaction, `timer ${key}`, at === undefined ? 'remove' : 'change')
    const now = transaction.timer(database.state, key)
    if (transaction.isolation === 'repeatable read' && now !== undefined && now !== seen)
      throw changedMeanwhile()
    const set = at === undefined ? undefined : { schedule, stream, at, command }
    transaction.changes.timers.set(
      key,
      set && {
        ...set,
        input: asJson(input),
        id: `00000000-0000-4000-8000-${String(++database.timersSet).padStart(12, '0')}`,
        atMs: Date.parse(set.at),
        hiddenUntilMs: 0,
      },
    )
  }
}

/** Ids are given after the locks: within one aggregate they follow the order of the versions. */
function appendEvents(
  database: Database,
  transaction: Transaction,
  events: readonly EventToAppend[],
): void {
  for (const event of events) {
    const atMs = Math.floor(database.nowMs())
    transaction.changes.events.push({
      ...event,
      data: frozen(asJson(event.data)),
      id: database.state.nextEventId++,
      xid: transaction.xid!,
      at: new Date(atMs).toISOString(),
      atMs,
      committedAtMs: 0,
    })
  }
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) frozen(inner)
  }
  return value
}
