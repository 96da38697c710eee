import type { AnyCommandDef } from '../../packages/tailrace/src/declare/command.ts'
import type { NewEvent } from '../../packages/tailrace/src/declare/event.ts'
import { writersTo, type RowOperation } from '../../packages/tailrace/src/declare/rows.ts'

type Row = Record<string, unknown>
/** One aggregate: its root's row, and a list of each child table. */
export type Rows = Record<string, Row | Row[]>

/** Of an aggregate that does not exist yet. */
export function emptyRows(def: AnyCommandDef): Rows {
  return Object.fromEntries(
    Object.keys(def.aggregate.rows).map((of) => [of, of === def.aggregate.root ? {} : []]),
  )
}

/** Writes the rows of an event, and the root's id and version. */
export function writeRows(
  rows: Rows,
  { aggregate }: AnyCommandDef,
  event: NewEvent,
  place: { readonly id: string; readonly version: number },
): void {
  const write = aggregate.write[event.type] as (event: unknown, to: unknown) => RowOperation[]
  for (const operation of write({ ...event, ...place }, writersTo(aggregate.rows)))
    applyRow(rows, aggregate.root, operation)
  Object.assign(rows[aggregate.root] as Row, place)
}

/** What the applications of tests write: inserts, and updates of the root. */
function applyRow(rows: Rows, root: string, operation: RowOperation): void {
  if (operation.op === 'insert' && operation.of === root) rows[root] = { ...operation.row }
  else if (operation.op === 'insert') (rows[operation.of] as Row[]).push(operation.row)
  else if (operation.op === 'update' && operation.of === root)
    Object.assign(rows[root] as Row, operation.set)
  else
    throw new Error(
      `expected an insert or an update of the root, got ${operation.op} of "${operation.of}"`,
    )
}
