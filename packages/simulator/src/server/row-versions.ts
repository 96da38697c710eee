import {
  WriteConflict,
  type AggregateRows,
  type AnyAggregate,
  type RowChange,
  type VersionGuard,
  type WriteBatch,
} from 'tailrace/adapter'
import type { Database } from './database.ts'
import { aggregateKey, childKey } from './row-changes.ts'
import type { LockFor } from './row-locks.ts'
import type { Transaction } from './transaction.ts'

/** A root that must be there in one version. */
interface Asserted {
  readonly key: string
  /** Without a guard no version matches. */
  readonly guard: VersionGuard | undefined
  /** The rows as the statement sees them. */
  readonly seen: AggregateRows | undefined
}

/** One table's rows: roots, or child rows, whose safety is the lock of their root. */
interface Part {
  readonly op: 'guard' | 'update' | 'delete'
  readonly roots: readonly Asserted[]
  readonly children: readonly string[]
}

/**
 * Locks the rows that must be there, as the statement finds them: a row whose version its snapshot does not show is passed
 * over without a wait; one that was changed while it waited is looked at again. Throws `WriteConflict`.
 */
export async function lockVersions(
  database: Database,
  transaction: Transaction,
  batch: WriteBatch,
): Promise<void> {
  // The whole statement has one snapshot, from before its first wait.
  for (const { op, roots, children } of partsOf(database, transaction, batch)) {
    let found = 0
    for (const root of roots) if (await locks(database, transaction, op, root)) found++
    if (found !== roots.length)
      throw new WriteConflict(
        'version',
        `expected ${roots.map(({ key, guard }) => `${key} at version ${guard?.expected}`).join()}, got ${found} of ${roots.length}`,
      )
    for (const child of children) {
      await database.writes(transaction)
      await database.lock(transaction, `key ${child}`)
    }
  }
}

/**
 * Locks a row that the transaction wants to go on from, and answers it. A row that the snapshot does not show is not waited
 * for. Under one snapshot for all statements, what was changed since cannot be seen: throws `WriteConflict`.
 */
export async function lockSeen(
  database: Database,
  transaction: Transaction,
  key: string,
): Promise<AggregateRows | undefined> {
  const seen = transaction.seenAggregate(database.state, key)
  if (seen === undefined) return undefined
  await lockRow(database, transaction, key, seen, 'lock')
  await database.writes(transaction)
  return seen
}

async function locks(
  database: Database,
  transaction: Transaction,
  op: Part['op'],
  { key, guard, seen }: Asserted,
): Promise<boolean> {
  if (seen === undefined || !isGuarded(seen, guard)) return false
  const changes = op !== 'guard'
  if (changes) await database.writes(transaction)
  await lockRow(database, transaction, key, seen, lockOf[op])
  const now = transaction.aggregate(database.state, key)
  if (now === undefined) return false
  await database.writes(transaction)
  return isGuarded(now, guard)
}

const lockOf = { guard: 'lock', update: 'change', delete: 'remove' } as const

/** Whether the row is the one that was loaded. */
export function isGuarded(
  { root, stamp }: AggregateRows,
  guard: Pick<VersionGuard, 'expected' | 'stamp'> | undefined,
): boolean {
  return (
    guard !== undefined &&
    root['version'] === guard.expected &&
    (guard.stamp === undefined || guard.stamp === stamp)
  )
}

/**
 * Waits for the row. Under one snapshot, nobody waits for a row that is another one already, or becomes another one
 * meanwhile. Who waits to lock a row that somebody changes has an id as soon as it has the row, or has seen a next version of it.
 */
async function lockRow(
  database: Database,
  transaction: Transaction,
  key: string,
  seen: AggregateRows,
  what: LockFor,
): Promise<void> {
  const isMoved = (): boolean =>
    transaction.isolation === 'repeatable read' &&
    transaction.aggregate(database.state, key)?.root !== seen.root
  const settled = (how: LockFor): void => {
    if (isMoved()) transaction.abandon?.(changedMeanwhile())
    else if (what === 'lock' && how !== 'remove') database.giveId(transaction)
  }
  if (isMoved()) throw changedMeanwhile()
  await database.lock(transaction, `row ${key}`, what, {
    granted: () => settled('lock'),
    passed: settled,
  })
  if (isMoved()) throw changedMeanwhile()
}

/** Aggregate by aggregate: the roots that stay, their child rows, and then the roots and the child rows that go. */
function partsOf(database: Database, transaction: Transaction, batch: WriteBatch): Part[] {
  return database.aggregates.flatMap((name) => {
    const own = batch.rows.filter(({ aggregate }) => aggregate.name === name)
    const guards = batch.guards.filter(({ aggregate }) => aggregate.name === name)
    if (own.length === 0 && guards.length === 0) return []
    const guardOf = new Map(guards.map((guard) => [guard.id, guard]))
    const rootOf = (aggregate: AnyAggregate, id: string): Asserted => {
      const key = aggregateKey(aggregate, id)
      const seen = transaction.seenAggregate(database.state, key)
      return { key, guard: guardOf.get(id), seen }
    }
    const changed = new Set(
      own.flatMap(({ op, id, of, aggregate }) => (isRoot(op, of, aggregate) ? [id] : [])),
    )
    const untouched = guards.filter(({ id }) => !changed.has(id))
    const partOf = (op: 'update' | 'delete'): Part => {
      const rows = byId(own).filter((row) => row.op === op)
      return {
        op,
        roots: rows.flatMap(({ of, aggregate, id }) =>
          isRoot(op, of, aggregate) ? [rootOf(aggregate, id)] : [],
        ),
        children: rows.flatMap(({ of, aggregate, row }) =>
          isRoot(op, of, aggregate) ? [] : [childKey(aggregate, of, row)],
        ),
      }
    }
    return [
      { op: 'guard', roots: untouched.map((one) => rootOf(one.aggregate, one.id)), children: [] },
      partOf('update'),
      partOf('delete'),
    ]
  })
}

function isRoot(op: RowChange['op'], of: string, { root }: AnyAggregate): boolean {
  return op !== 'insert' && of === root
}

/** The order in which processes that change the same rows go through them. */
export function byId(rows: readonly RowChange[]): readonly RowChange[] {
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

export function changedMeanwhile(): WriteConflict {
  return new WriteConflict('serialization', 'could not serialize access')
}
