import type { AnyAggregate, WrittenEvent } from '../declare/aggregate.ts'
import type { NewEvent } from '../declare/event.ts'
import { writersTo, type AnyTable, type RowOperation, type TableSet } from '../declare/rows.ts'
import { shownValue } from '../declare/shown-value.ts'
import { TailraceError } from '../errors.ts'
import type { AggregateRows, Row } from '../ports/write-store.ts'
import { noAggregate, type AggregateState } from './aggregate-state.ts'
import { deepFreeze } from './freeze.ts'
import { keyText, placeOf } from './row-key.ts'

/** Rows while events are written into them. What it was made from is left as it is. */
interface Draft {
  readonly aggregate: AnyAggregate
  readonly id: string
  root: Row | undefined
  readonly children: Record<string, readonly Row[]>
  /** Child lists that belong to this draft and may be changed in place. */
  readonly own: Set<string>
  operations: number
}

const writers = new WeakMap<AnyAggregate, unknown>()

/**
 * Writes events into an aggregate's rows, in memory. Each event gets the next version; the root carries the last one.
 * Throws `ROW_OPERATION_INVALID` with what was expected; the given state is unchanged then, and always.
 */
export function applyEvents(
  aggregate: AnyAggregate,
  id: string,
  state: AggregateState,
  events: readonly NewEvent[],
): Applied {
  const draft: Draft = {
    aggregate,
    id,
    root: state.rows?.root,
    children: { ...state.rows?.children },
    own: new Set(),
    operations: 0,
  }
  const written: WrittenEvent[] = []
  let version = state.version
  for (const { type, data } of events) {
    // A deleted aggregate may be made anew by a later event: its stream starts again.
    version = draft.root === undefined ? 1 : version + 1
    const event = { type, data, id, version }
    written.push(event)
    applyEvent(draft, event)
  }
  if (state.rows === undefined && draft.root === undefined && written.length > 0) {
    throw invalid(
      written.at(-1)!,
      `expected the events of one command to leave an aggregate that they make, got "${aggregate.root}" inserted and deleted; emit neither`,
    )
  }
  return { state: sealed(draft, version), written, operations: draft.operations }
}

export interface Applied {
  readonly state: AggregateState
  /** The events with the versions that they got. */
  readonly written: readonly WrittenEvent[]
  /** How many row operations that took, the root's version counted as one. */
  readonly operations: number
}

function applyEvent(draft: Draft, event: WrittenEvent): void {
  const { aggregate } = draft
  let to = writers.get(aggregate)
  if (to === undefined) writers.set(aggregate, (to = writersTo(aggregate.rows as TableSet)))
  const operations: unknown = aggregate.write[event.type]!(event, to as never)
  if (!Array.isArray(operations))
    throw new TailraceError(
      'HANDLER_RESULT_INVALID',
      `expected write.${event.type} of "${aggregate.name}" to return a list of row operations at once, got ${shownValue(operations)}; return [] when no row changes`,
    )
  const existed = draft.root !== undefined
  for (const operation of operations as readonly RowOperation[])
    applyOperation(draft, event, operation)
  draft.operations += operations.length + 1
  if (draft.root !== undefined) {
    // An event without an operation on the root still moves its version: that is the optimistic lock.
    draft.root = { ...draft.root, version: event.version }
  } else if (existed) {
    expectNoChildren(draft, event)
  } else {
    throw invalid(
      event,
      `expected write.${event.type} to insert "${aggregate.root}", because the aggregate does not exist yet, got ${operations.length} other operations`,
    )
  }
}

function applyOperation(draft: Draft, event: WrittenEvent, operation: RowOperation): void {
  const table = (draft.aggregate.rows as TableSet)[operationOf(draft, event, operation)]
  if (table === undefined)
    throw invalid(
      event,
      `expected an operation on ${Object.keys(draft.aggregate.rows as TableSet).join(', ')}, got "${operation.of}"`,
    )
  if (table.kind === 'root') applyToRoot(draft, event, operation)
  else applyToChild(draft, event, operation, table)
}

/** The table of an operation; what a write function returns may be anything. */
function operationOf(draft: Draft, event: WrittenEvent, operation: unknown): string {
  if (typeof operation === 'object' && operation !== null && 'of' in operation)
    return String(operation.of)
  throw new TailraceError(
    'HANDLER_RESULT_INVALID',
    `expected write.${event.type} of "${draft.aggregate.name}" to return row operations, such as those of to.${draft.aggregate.root}, got ${shownValue(operation)} in its list`,
  )
}

function applyToRoot(draft: Draft, event: WrittenEvent, operation: RowOperation): void {
  if (operation.op === 'insert') {
    if (draft.root !== undefined)
      throw invalid(
        event,
        `expected "${operation.of}" not to exist for an insert, got one of version ${String(draft.root['version'])}; use update`,
      )
    draft.root = { ...operation.row, id: draft.id, version: event.version }
    return
  }
  if (draft.root === undefined)
    throw invalid(
      event,
      `expected "${operation.of}" to exist for ${operation.op}, got none; insert it first`,
    )
  if (operation.op === 'delete') {
    draft.root = undefined
    return
  }
  expectNoKey(event, operation, rootKeys)
  draft.root = { ...draft.root, ...operation.set }
}

const rootKeys = ['id', 'version'] as const

function applyToChild(
  draft: Draft,
  event: WrittenEvent,
  operation: RowOperation,
  table: AnyTable,
): void {
  const { of } = operation
  const wanted = operation.op === 'insert' ? operation.row : operation.key
  for (const part of table.key as readonly string[]) {
    const value = wanted[part]
    if (typeof value !== 'string' && typeof value !== 'number') {
      throw invalid(
        event,
        `expected ${operation.op} on "${of}" to have the key property "${part}" as a string or number, got ${value === null ? 'null' : typeof value}`,
      )
    }
  }
  const { at, found } = placeOf(table.key, draft.children[of] ?? [], wanted)
  if (operation.op === 'insert') {
    if (found)
      throw invalid(
        event,
        `expected no row of "${of}" with ${keyText(table.key, wanted)} for an insert, got one; use update`,
      )
    ownList(draft, of).splice(at, 0, { ...operation.row })
    return
  }
  if (!found)
    throw invalid(
      event,
      `expected a row of "${of}" with ${keyText(table.key, wanted)} for ${operation.op}, got none`,
    )
  const list = ownList(draft, of)
  if (operation.op === 'delete') {
    list.splice(at, 1)
    return
  }
  expectNoKey(event, operation, table.key)
  list[at] = { ...list[at], ...operation.set }
}

function ownList(draft: Draft, of: string): Row[] {
  if (!draft.own.has(of)) {
    draft.children[of] = draft.children[of]?.slice() ?? []
    draft.own.add(of)
  }
  return draft.children[of] as Row[]
}

function expectNoKey(
  event: WrittenEvent,
  operation: Extract<RowOperation, { op: 'update' }>,
  key: readonly string[],
): void {
  for (const part of key) {
    if (part in operation.set)
      throw invalid(
        event,
        `expected update on "${operation.of}" to leave "${part}" alone, got a value for it; delete and insert to move a row`,
      )
  }
}

function expectNoChildren(draft: Draft, event: WrittenEvent): void {
  for (const name of Object.keys(draft.children)) {
    const left = draft.children[name]!.length
    if (left > 0)
      throw invalid(
        event,
        `expected write.${event.type} to delete the rows of "${name}" with the root, got ${left} left`,
      )
  }
}

function sealed(draft: Draft, version: number): AggregateState {
  if (draft.root === undefined) return noAggregate
  for (const name of Object.keys(draft.aggregate.rows as TableSet)) {
    if (name !== draft.aggregate.root) draft.children[name] ??= noRows
  }
  for (const name of draft.own) deepFreeze(draft.children[name])
  const rows: AggregateRows = {
    root: deepFreeze(draft.root),
    children: Object.freeze(draft.children),
  }
  return { rows, version }
}

const noRows: readonly Row[] = Object.freeze([])

function invalid(event: WrittenEvent, expectation: string): TailraceError {
  return new TailraceError(
    'ROW_OPERATION_INVALID',
    `${expectation}; in write.${event.type} of "${event.id}"`,
    {
      details: { event: event.type, id: event.id },
    },
  )
}
