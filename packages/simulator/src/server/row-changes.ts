import {
  WriteConflict,
  type AggregateRows,
  type AnyAggregate,
  type Row,
  type RowChange,
  type TableSet,
} from 'tailrace/adapter'
import type { Database } from './database.ts'
import type { Transaction } from './transaction.ts'

export function aggregateKey(aggregate: AnyAggregate, id: string): string {
  return `${aggregate.name} ${id}`
}

export function childKey(aggregate: AnyAggregate, of: string, row: Row): string {
  const { table, key } = (aggregate.rows as TableSet)[of]!
  return `${table} ${(key as readonly string[]).map((part) => JSON.stringify(row[part])).join()}`
}

/** Writes the rows, whose locks are held. A change to a child row that is not there is a thing that no engine may ask for. */
export function changeRows(
  database: Database,
  transaction: Transaction,
  rows: readonly RowChange[],
): void {
  const open = new Map<string, Draft>()
  // A key that the batch frees at one place and takes at another is taken, in whatever order its rows come.
  const freeing = rows.filter(({ op }) => op === 'delete')
  for (const change of [...freeing, ...rows.filter(({ op }) => op !== 'delete')]) {
    const key = aggregateKey(change.aggregate, change.id)
    let draft = open.get(key)
    if (draft === undefined)
      open.set(key, (draft = draftOf(change.aggregate, transaction.aggregate(database.state, key))))
    if (change.of === change.aggregate.root) {
      draft.root = change.op === 'delete' ? undefined : asJson(change.row)
      draft.stamp = `${transaction.xid}/${database.run}`
    } else changeChild(transaction, draft.children, change)
  }
  for (const [key, { root, children, stamp }] of open)
    transaction.changes.aggregates.set(
      key,
      root === undefined ? undefined : { root, children, stamp },
    )
}

interface Draft {
  root: Row | undefined
  stamp: string | undefined
  readonly children: Record<string, Row[]>
}

function draftOf(aggregate: AnyAggregate, rows: AggregateRows | undefined): Draft {
  const children: Record<string, Row[]> = {}
  for (const name of Object.keys(aggregate.rows as TableSet))
    if (name !== aggregate.root) children[name] = [...(rows?.children[name] ?? [])]
  return { root: rows?.root, children, stamp: rows?.stamp }
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
  if (op === 'insert') list.push(asJson(row))
  else if (op === 'update') list[at] = asJson(row)
  else list.splice(at, 1)
  if (op !== 'update') transaction.changes.childOwners.set(key, op === 'insert' ? id : undefined)
}

export function asJson<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T)
}
