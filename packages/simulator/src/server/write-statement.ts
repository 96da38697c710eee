import {
  WriteConflict,
  WriteFailed,
  type AggregateRows,
  type AnyAggregate,
  type CommandToRecord,
  type EventToAppend,
  type Row,
  type RowChange,
  type TableSet,
  type TimerToWrite,
  type WriteBatch,
} from 'tailrace/adapter'
import type { Database } from './database.ts'
import type { Transaction } from './transaction.ts'

export function aggregateKey(aggregate: AnyAggregate, id: string): string {
  return `${aggregate.name} ${id}`
}

/**
 * The one statement that writes a batch: locks in one order, then looks whether the guards hold, then writes. Throws
 * `WriteConflict` or `WriteFailed`; what the statement wrote is undone then, its locks stay until the end of the transaction.
 */
export async function writeBatch(
  database: Database,
  transaction: Transaction,
  batch: WriteBatch,
): Promise<void> {
  const before = transaction.changes.copy()
  try {
    await database.writes(transaction)
    await lockAndCheck(database, transaction, batch)
    changeRows(database, transaction, batch.rows)
    await recordCommands(database, transaction, batch.commands)
    await setTimers(database, transaction, batch.timers)
    appendEvents(database, transaction, batch.events)
  } catch (error) {
    // What failed leaves nothing, whatever the rest of the transaction does.
    transaction.changes = before
    throw error
  }
}

/** Rows of roots are locked by id, as every statement does: two of them wait for each other in one direction only. */
async function lockAndCheck(
  database: Database,
  transaction: Transaction,
  { rows, guards }: WriteBatch,
): Promise<void> {
  const expected = new Map(
    guards.map((guard) => [aggregateKey(guard.aggregate, guard.id), guard.expected]),
  )
  const made = new Set<string>()
  for (const { op, of, aggregate, id } of rows)
    if (of === aggregate.root && op === 'insert') made.add(aggregateKey(aggregate, id))
  for (const key of [...expected.keys()].toSorted()) {
    await database.lock(transaction, `row ${key}`)
    const version = transaction.aggregate(database.state, key)?.root['version']
    if (version !== expected.get(key))
      throw new WriteConflict(
        'version',
        `expected ${key} at version ${expected.get(key)}, got ${String(version ?? 'none')}`,
      )
  }
  for (const key of made) {
    if (expected.has(key)) continue
    await database.lock(transaction, `row ${key}`)
    if (transaction.aggregate(database.state, key) !== undefined)
      throw new WriteConflict('exists', `expected no ${key}, got one`)
  }
  await lockChildren(database, transaction, rows)
}

async function lockChildren(
  database: Database,
  transaction: Transaction,
  rows: readonly RowChange[],
): Promise<void> {
  for (const { op, aggregate, of, row } of rows) {
    if (of === aggregate.root || op !== 'insert') continue
    const key = childKey(aggregate, of, row)
    await database.lock(transaction, `key ${key}`)
    const freed = rows.some(
      (other) =>
        other.op === 'delete' &&
        other.of === of &&
        childKey(other.aggregate, of, other.row) === key,
    )
    if (!freed && transaction.childOwner(database.state, key) !== undefined)
      throw new WriteFailed(`duplicate key: ${key}`, { sqlState: '23505', constraint: of })
  }
}

function childKey(aggregate: AnyAggregate, of: string, row: Row): string {
  const { table, key } = (aggregate.rows as TableSet)[of]!
  return `${table} ${(key as readonly string[]).map((part) => JSON.stringify(row[part])).join()}`
}

/** A change to a row that is not guarded, or not there, is a thing that no engine may ask for. */
function changeRows(
  database: Database,
  transaction: Transaction,
  rows: readonly RowChange[],
): void {
  const open = new Map<string, { root: Row | undefined; children: Record<string, Row[]> }>()
  for (const change of rows) {
    const key = aggregateKey(change.aggregate, change.id)
    let draft = open.get(key)
    if (draft === undefined)
      open.set(key, (draft = draftOf(change.aggregate, transaction.aggregate(database.state, key))))
    if (change.of === change.aggregate.root)
      draft.root = change.op === 'delete' ? undefined : stored(change.row)
    else changeChild(transaction, draft.children, change)
  }
  for (const [key, { root, children }] of open)
    transaction.changes.aggregates.set(key, root === undefined ? undefined : { root, children })
}

function draftOf(aggregate: AnyAggregate, rows: AggregateRows | undefined) {
  const children: Record<string, Row[]> = {}
  for (const name of Object.keys(aggregate.rows as TableSet))
    if (name !== aggregate.root) children[name] = [...(rows?.children[name] ?? [])]
  return { root: rows?.root, children }
}

function changeChild(
  transaction: Transaction,
  children: Record<string, Row[]>,
  { op, aggregate, id, of, row }: RowChange,
): void {
  const key = childKey(aggregate, of, row)
  const list = children[of]!
  const at = list.findIndex((other) => childKey(aggregate, of, other) === key)
  if (op !== 'insert' && at === -1)
    throw new WriteConflict('version', `expected the row ${key} for ${op}, got none`)
  if (op === 'insert') list.push(stored(row))
  else if (op === 'update') list[at] = stored(row)
  else list.splice(at, 1)
  if (op !== 'update') transaction.changes.childOwners.set(key, op === 'insert' ? id : undefined)
}

async function recordCommands(
  database: Database,
  transaction: Transaction,
  commands: readonly CommandToRecord[],
): Promise<void> {
  for (const command of commands) {
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

async function setTimers(
  database: Database,
  transaction: Transaction,
  timers: readonly TimerToWrite[],
): Promise<void> {
  for (const { schedule, stream, at, command, input } of timers) {
    const key = `${schedule} ${stream}`
    await database.lock(transaction, `timer ${key}`)
    const timer = at === undefined ? undefined : { schedule, stream, at, command }
    transaction.changes.timers.set(
      key,
      timer && {
        ...timer,
        input: asJson(input),
        id: `00000000-0000-4000-8000-${String(database.state.nextTimerId++).padStart(12, '0')}`,
        atMs: Date.parse(timer.at),
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

function stored(row: Row): Row {
  return asJson(row)
}

function asJson<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T)
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) frozen(inner)
  }
  return value
}
