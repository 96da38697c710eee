import { TailraceError } from '../errors.ts'
import { checkSchema } from './check-declaration.ts'
import type { AnySchema, Expected, Out } from './standard-schema.ts'

/** The root table of an aggregate: one row, found by the aggregate's id, with a `version` column that the engine keeps. */
export interface RootTable<Row = unknown> {
  readonly kind: 'root'
  readonly table: string
  readonly schema: AnySchema
  readonly key: readonly ['id']
  readonly row?: Row
}

/** A child table: many rows, which reach the root over foreign keys (directly or through another child). */
export interface ChildTable<Row = unknown, Key extends string = string> {
  readonly kind: 'child'
  readonly table: string
  readonly schema: AnySchema
  /** Property names of the primary key, in order. */
  readonly key: readonly Key[]
  readonly row?: Row
}

// oxlint-disable-next-line typescript/no-explicit-any
export type AnyTable = RootTable<any> | ChildTable<any, any>
export type TableSet = Readonly<Record<string, AnyTable>>

/**
 * Declares the root table. Properties are camelCase, columns snake_case (`totalMinor` ↔ `total_minor`). The row needs
 * `id` and `version` (integer). Timestamps are RFC 3339 strings, `bigint` columns safe integers, `numeric` strings.
 */
export function table<const N extends string, S extends AnySchema>(
  name: N,
  schema: S &
    (Out<S> extends { readonly id: string; readonly version: number }
      ? unknown
      : Expected<'rows of a root table with `id`, a string, and `version`, a number'>),
): RootTable<Out<S>> {
  checkSchema('AGGREGATE_DECLARATION', `the rows of table "${name}"`, schema)
  return { kind: 'root', table: name, schema, key: ['id'] }
}

/** Declares a child table; `key` names the properties of its primary key. Default: `'id'`. */
export function many<const N extends string, S extends AnySchema>(
  name: N,
  schema: S &
    (Out<S> extends { readonly id: string | number }
      ? unknown
      : Expected<'rows with `id`, or as third argument the properties of their primary key'>),
): ChildTable<Out<S>, 'id'>
export function many<
  const N extends string,
  S extends AnySchema,
  const K extends keyof Out<S> & string,
>(name: N, schema: S, key: K | readonly K[]): ChildTable<Out<S>, K>
export function many(
  name: string,
  schema: AnySchema,
  key: string | readonly string[] = 'id',
): ChildTable {
  checkSchema('AGGREGATE_DECLARATION', `the rows of table "${name}"`, schema)
  const keys = typeof key === 'string' ? [key] : key
  return { kind: 'child', table: name, schema, key: keys }
}

/** The state of an aggregate: its rows, frozen. Children come in primary-key order. */
export type RowsOf<R extends TableSet> = {
  readonly [K in keyof R]: R[K] extends RootTable<infer Row>
    ? Readonly<Row>
    : R[K] extends ChildTable<infer Row, string>
      ? readonly Readonly<Row>[]
      : never
}

/** One change to one row. Plain data: the engine applies it in memory, batches it, simulates it. */
export type RowOperation =
  | { readonly op: 'insert'; readonly of: string; readonly row: Readonly<Record<string, unknown>> }
  | {
      readonly op: 'update'
      readonly of: string
      readonly key: Readonly<Record<string, unknown>>
      readonly set: Readonly<Record<string, unknown>>
    }
  | { readonly op: 'delete'; readonly of: string; readonly key: Readonly<Record<string, unknown>> }

export interface RootWriter<Row> {
  /** Inserts the root. `id` and `version` come from the engine. */
  insert(row: Omit<Row, 'id' | 'version'>): RowOperation
  update(set: Partial<Omit<Row, 'id' | 'version'>>): RowOperation
  /** Deletes the root; its children must be deleted by operations of their own. */
  delete(): RowOperation
}

export interface ChildWriter<Row, Key extends string> {
  insert(row: Row): RowOperation
  update(key: Pick<Row, Key & keyof Row>, set: Partial<Omit<Row, Key>>): RowOperation
  delete(key: Pick<Row, Key & keyof Row>): RowOperation
}

/** What a `write` function gets as `to`: one writer per declared table. */
export type WritersTo<R extends TableSet> = {
  readonly [K in keyof R]: R[K] extends RootTable<infer Row>
    ? RootWriter<Row>
    : R[K] extends ChildTable<infer Row, infer Key>
      ? ChildWriter<Row, Key>
      : never
}

/** Makes the writers of a table set. They only build operations; nothing is applied. */
export function writersTo<R extends TableSet>(tables: R): WritersTo<R> {
  const writers: Record<string, unknown> = {}
  for (const [of, declared] of Object.entries(tables))
    writers[of] = declared.kind === 'root' ? rootWriter(of) : childWriter(of)
  return writers as WritersTo<R>
}

function rootWriter(of: string): RootWriter<Record<string, unknown>> {
  return {
    insert: (row) => ({ op: 'insert', of, row }),
    update: (set) => ({ op: 'update', of, key: {}, set }),
    delete: () => ({ op: 'delete', of, key: {} }),
  }
}

function childWriter(of: string): ChildWriter<Record<string, unknown>, string> {
  return {
    insert: (row) => ({ op: 'insert', of, row }),
    update: (key, set) => ({ op: 'update', of, key, set }),
    delete: (key) => ({ op: 'delete', of, key }),
  }
}

/** The property under which the root table is declared. Throws `AGGREGATE_DECLARATION` unless there is exactly one. */
export function rootOf(aggregate: string, tables: TableSet): string {
  const roots = Object.keys(tables).filter((of) => tables[of]!.kind === 'root')
  if (roots.length !== 1) {
    throw new TailraceError(
      'AGGREGATE_DECLARATION',
      `expected aggregate "${aggregate}" to have exactly one root table, got ${roots.length}`,
    )
  }
  return roots[0]!
}
