import type { AnyAggregate } from '../declare/aggregate.ts'
import type { TableSet } from '../declare/rows.ts'
import type { AggregateRows, Row } from '../ports/write-store.ts'
import { deepFreeze } from './freeze.ts'
import { compareByKey } from './row-key.ts'

/** The rows of an aggregate between two commands: frozen, children in primary-key order. */
export interface AggregateState {
  /** Undefined: the aggregate does not exist. */
  readonly rows: AggregateRows | undefined
  /** Version of the root; 0 when it does not exist. */
  readonly version: number
  /** Of rows that were loaded, see `AggregateRows`. */
  readonly stamp?: string | undefined
}

export const noAggregate: AggregateState = Object.freeze({ rows: undefined, version: 0 })

/** Takes loaded rows in: freezes them, and puts children in this engine's key order (a database may collate texts otherwise). */
export function stateOf(
  aggregate: AnyAggregate,
  loaded: AggregateRows | undefined,
): AggregateState {
  if (loaded === undefined) return noAggregate
  const tables = aggregate.rows as TableSet
  const children: Record<string, readonly Row[]> = {}
  for (const name of Object.keys(tables)) {
    if (name === aggregate.root) continue
    children[name] = inKeyOrder(tables[name]!.key, loaded.children[name] ?? [])
    deepFreeze(children[name])
  }
  return {
    rows: { root: deepFreeze(loaded.root), children: Object.freeze(children) },
    version: loaded.root['version'] as number,
    stamp: loaded.stamp,
  }
}

function inKeyOrder(key: readonly string[], rows: readonly Row[]): readonly Row[] {
  for (let i = 1; i < rows.length; i++) {
    if (compareByKey(key as readonly ['id'], rows[i - 1]!, rows[i]!) > 0) {
      return rows.toSorted((a, b) => compareByKey(key as readonly ['id'], a, b))
    }
  }
  return rows
}

/** The rows as `decide` and `may` see them: one property per declared table. */
export function presented(
  aggregate: AnyAggregate,
  rows: AggregateRows | undefined,
): Readonly<Record<string, unknown>> | undefined {
  return rows === undefined
    ? undefined
    : Object.freeze({ [aggregate.root]: rows.root, ...rows.children })
}
