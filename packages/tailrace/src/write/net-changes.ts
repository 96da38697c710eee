import type { AnyAggregate } from '../declare/aggregate.ts'
import type { TableSet } from '../declare/rows.ts'
import type { AggregateRows, Row, RowChange } from '../ports/write-store.ts'
import { compareByKey } from './row-key.ts'

/**
 * The net effect of any number of commands on one aggregate: the difference between its rows before and after. Rows are
 * never changed in place, so a row that is the same object is the same row: insert and update become one insert, insert and
 * delete nothing, delete and insert one update.
 *
 * Inserts come parents first (root, then the tables as declared), deletes come children first.
 */
export function netChanges(
  aggregate: AnyAggregate,
  id: string,
  before: AggregateRows | undefined,
  after: AggregateRows | undefined,
  into: RowChange[],
): void {
  if (before === after) return
  const tables = aggregate.rows as TableSet
  const deletes: RowChange[] = []
  const { root } = aggregate
  if (after !== undefined)
    into.push({
      op: before === undefined ? 'insert' : 'update',
      aggregate,
      id,
      of: root,
      row: after.root,
    })
  else if (before !== undefined)
    deletes.push({ op: 'delete', aggregate, id, of: root, row: before.root })
  for (const [name, { key }] of Object.entries(tables)) {
    if (name === root) continue
    const old = before?.children[name] ?? none
    const now = after?.children[name] ?? none
    if (old !== now) compareLists({ aggregate, id, of: name }, key, old, now, into, deletes)
  }
  for (let i = deletes.length - 1; i >= 0; i--) into.push(deletes[i]!)
}

const none: readonly Row[] = []

interface Place {
  readonly aggregate: AnyAggregate
  readonly id: string
  readonly of: string
}

function compareLists(
  { aggregate, id, of }: Place,
  key: readonly string[],
  old: readonly Row[],
  now: readonly Row[],
  into: RowChange[],
  deletes: RowChange[],
): void {
  let i = 0
  let j = 0
  while (i < old.length || j < now.length) {
    const was = old[i]
    const is = now[j]
    if (was === is) {
      i++
      j++
      continue
    }
    const order =
      was === undefined ? 1 : is === undefined ? -1 : compareByKey(key as readonly ['id'], was, is)
    if (order === 0) into.push({ op: 'update', aggregate, id, of, row: is! })
    else if (order > 0) into.push({ op: 'insert', aggregate, id, of, row: is! })
    else deletes.push({ op: 'delete', aggregate, id, of, row: was! })
    if (order <= 0) i++
    if (order >= 0) j++
  }
}
