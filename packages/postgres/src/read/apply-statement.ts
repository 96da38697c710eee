import { createHash } from 'node:crypto'
import {
  isTailraceError,
  TailraceError,
  type ApplyBatch,
  type CheckpointMove,
  type DocumentChange,
  type ParkEntry,
  type ParkFailure,
} from 'tailrace/adapter'
import type { SqlStatement } from '../sql-pool.ts'
import type { DocumentTable } from './document-table.ts'
import { columnList, valuesInParts, type DocumentValues } from './document-values.ts'
import { arrayLiteral } from './array-literal.ts'
import { keyText } from './key-text.ts'

/** Raised inside the statement; it is undone as a whole. */
export const guardStates = { moved: 'TR011', ahead: 'TR012', parked: 'TR013' } as const

/** Which version in which history the statements are about. */
export interface VersionPlace {
  /** The quoted schema. */
  readonly schema: string
  readonly projection: string
  readonly version: number
  readonly history: string
}

type Values = unknown[]

/** Documents or rows of one statement. */
interface Content {
  readonly put?: DocumentValues
  readonly rows?: DocumentValues
}

const nothing: ApplyBatch = { moves: [], changes: [], rows: [], park: [] }

/**
 * The statements of a whole batch, to run in one transaction: the documents, what is parked, and the checkpoints, which move
 * only if they stand where the batch started and under no higher fence. Nearly always it is one: one round trip, and a
 * transaction of its own. Documents that are large together are in further ones, which are made as they are asked for.
 */
export function* applyStatements(
  place: VersionPlace,
  table: DocumentTable | undefined,
  batch: ApplyBatch,
): Generator<SqlStatement, void> {
  if (table === undefined) {
    yield applyStatement(place, undefined, batch)
    return
  }
  const contents = contentsOf(table, batch)
  // The checkpoints first: who lost the lease does no work.
  yield applyStatement(place, table, batch, contents.next().value ?? {})
  for (const content of contents) yield applyStatement(place, table, nothing, content)
}

function* contentsOf(table: DocumentTable, batch: ApplyBatch): Generator<Content, void> {
  // Sorted: two transactions that meet take their row locks in the same order.
  const puts = batch.changes.filter((change) => change.document !== null).toSorted(byKey)
  for (const put of valuesInParts(table, puts)) yield { put }
  const rows = rowPuts(batch.rows)
  const inParts = valuesInParts(table, rows)
  for (;;) {
    const next = ofRows(rows, () => inParts.next().value)
    if (next === undefined) return
    yield { rows: next }
  }
}

/** One statement with all of a batch but its documents and rows; those are given as `content`. */
export function applyStatement(
  place: VersionPlace,
  table: DocumentTable | undefined,
  batch: ApplyBatch,
  content: Content = {},
): SqlStatement {
  const values: Values = []
  const parts: string[] = []
  const checks: string[] = []
  moveParts(place, batch.moves, values, parts, checks)
  if (table !== undefined) documentParts(table, batch, content, values, parts, checks)
  parkParts(place, batch.park, values, parts, checks)
  // A case keeps the order: which guard failed first decides the answer.
  const guard = checks.map((check) => `when not ${check} then false`).join(' ')
  const text = `with ${parts.join(',\n')}\nselect case ${guard} else true end`
  return prepared(text, values)
}

/** A statement under a name that follows from its text. */
export function prepared(text: string, values: unknown[]): SqlStatement {
  let name = names.get(text)
  if (name === undefined) {
    name = `tr_${createHash('sha1').update(text).digest('hex').slice(0, 20)}`
    if (names.size < 10_000) names.set(text, name)
  }
  return { name, text, values }
}
const names = new Map<string, string>()

function param(values: Values, value: unknown, type: string): string {
  values.push(value)
  return `$${values.length}::${type}`
}

function mine(place: VersionPlace, alias: string): string {
  return `${alias}.projection = '${place.projection}' and ${alias}.version = ${place.version}`
}

export function moveParts(
  place: VersionPlace,
  moves: readonly CheckpointMove[],
  values: Values,
  parts: string[],
  checks: string[],
): void {
  const list = <T>(of: (move: CheckpointMove) => T, type: string): string =>
    param(values, moves.map(of), type)
  const lists = [
    list((move) => move.range, 'smallint[]'),
    list((move) => move.slots.from, 'smallint[]'),
    list((move) => move.slots.to, 'smallint[]'),
    list((move) => move.from?.toString() ?? null, 'bigint[]'),
    list((move) => move.to.toString(), 'bigint[]'),
    list((move) => move.fence.toString(), 'bigint[]'),
  ]
  const history = param(values, place.history, 'text')
  parts.push(
    `move as (select * from unnest(${lists.join(', ')}) m(range, slot_from, slot_to, was, target, fence))`,
    `moved as (update ${place.schema}.checkpoint c set position = m.target, fence = m.fence, history = ${history}, updated_at = clock_timestamp()
      from move m where ${mine(place, 'c')} and c.range = m.range and c.position = m.was and c.fence <= m.fence and ${sameOrLater('c.history', history)} returning 1)`,
    `started as (insert into ${place.schema}.checkpoint (projection, version, range, slot_from, slot_to, position, fence, history)
      select '${place.projection}', ${place.version}, range, slot_from, slot_to, target, fence, ${history} from move where was is null
      on conflict do nothing returning 1)`,
  )
  checks.push(
    assertion(
      place,
      guardStates.moved,
      'checkpoints',
      '(select count(*) from moved) + (select count(*) from started)',
      '(select count(*) from move)',
    ),
  )
}

function part(text: string, at: number): string {
  return `split_part(${text}, '/', ${at})`
}

/** Histories of one system follow each other: a checkpoint moves on with the log, never back. */
function sameOrLater(found: string, next: string): string {
  return `(${found} = ${next} or (${part(found, 1)} = ${part(next, 1)} and ${part(found, 2)}::int < ${part(next, 2)}::int))`
}

function assertion(
  place: VersionPlace,
  code: string,
  what: string,
  actual: string,
  expected: string,
): string {
  return `${place.schema}.assert_rows('${code}', '${what}', ${actual}, ${expected})`
}

function documentParts(
  table: DocumentTable,
  batch: ApplyBatch,
  { put, rows }: Content,
  values: Values,
  parts: string[],
  checks: string[],
): void {
  if (put !== undefined) {
    putPart(table, put, values, parts)
    const schema = table.name.slice(0, table.name.indexOf('.'))
    const expected = param(values, put.count, 'bigint')
    checks.push(
      `${schema}.assert_rows('${guardStates.ahead}', 'documents behind their range', (select count(*) from put), ${expected})`,
    )
  }
  const removals = batch.changes.filter((change) => change.document === null).toSorted(byKey)
  if (removals.length > 0) {
    const keys = param(
      values,
      removals.map((change) => keyText(change.key)),
      'text[]',
    )
    const positions = param(
      values,
      removals.map((change) => change.position.toString()),
      'bigint[]',
    )
    parts.push(
      `removed as (delete from ${table.name} d using unnest(${keys}, ${positions}) g(key, position) where d._key = g.key and d._position < g.position)`,
    )
  }
  if (rows !== undefined) rowsPart(table, rows, values, parts)
}

function byKey(a: DocumentChange, b: DocumentChange): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}

function unnested(
  table: DocumentTable,
  { columns }: DocumentValues,
  values: Values,
): { names: string[]; from: string } {
  const list = columnList(table)
  const lists = columns.map((column, i) =>
    param(values, arrayLiteral(column, list[i]!.plain), `${list[i]!.type}[]`),
  )
  return {
    names: list.map((column) => column.name),
    from: `select * from unnest(${lists.join(', ')})`,
  }
}

function putPart(table: DocumentTable, put: DocumentValues, values: Values, parts: string[]): void {
  const { names: columns, from } = unnested(table, put, values)
  const sets = columns.slice(1).map((name) => `${name} = excluded.${name}`)
  parts.push(`put as (insert into ${table.name} as d (${columns.join(', ')}) ${from}
    on conflict (_key) do update set ${sets.join(', ')} where d._position < excluded._position returning 1)`)
}

function rowsPart(
  table: DocumentTable,
  rows: DocumentValues,
  values: Values,
  parts: string[],
): void {
  const { names: columns, from } = unnested(table, rows, values)
  parts.push(
    `appended as (insert into ${table.name} (${columns.join(', ')}) ${from} on conflict (_key) do nothing)`,
  )
}

/** Rows as they are stored: like documents, under their places. */
export function rowPuts(rows: ApplyBatch['rows']): DocumentChange[] {
  return rows.map(({ position, ordinal, row }) => ({
    key: rowKey(position, ordinal),
    document: row,
    position,
  }))
}

/** What is said of a key is said of the event whose row it is. */
function ofRows<T>(puts: readonly DocumentChange[], body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (!isTailraceError(error) || error.code !== 'DOCUMENT_UNSTORABLE') throw error
    const position = puts.find(({ key }) => key === error.details['key'])?.position
    throw new TailraceError(error.code, error.message, { cause: error, details: { position } })
  }
}

/** Sorts as (position, ordinal). */
export function rowKey(position: bigint, ordinal: number): string {
  return `${position.toString().padStart(19, '0')}/${String(ordinal).padStart(5, '0')}`
}

export function parkParts(
  place: VersionPlace,
  park: readonly ParkEntry[],
  values: Values,
  parts: string[],
  checks: string[],
): void {
  if (park.length === 0) return
  const failed = park.flatMap((entry) =>
    entry.failure === undefined ? [] : [{ key: keyText(entry.key), ...entry.failure }],
  )
  parkedPart(place, failed, values, parts)
  divertedPart(place, park, values, parts)
  const own = new Set(failed.map((entry) => entry.key))
  const followed = new Set(park.map((entry) => keyText(entry.key)).filter((key) => !own.has(key)))
  const waiting = param(values, [...followed], 'text[]')
  // The lock makes a settling of the key and this diversion happen one after the other.
  parts.push(
    `held as (select 1 from ${place.schema}.parked_key p where ${mine(place, 'p')} and p.key = any(${waiting}) for share)`,
  )
  checks.push(
    assertion(
      place,
      guardStates.parked,
      'parked keys',
      '(select count(*) from held)',
      `cardinality(${waiting})`,
    ),
  )
}

const parkId = 'projection, version, key'

function parkedPart(
  place: VersionPlace,
  failed: readonly (ParkFailure & { readonly key: string })[],
  values: Values,
  parts: string[],
): void {
  const list = <T>(of: (entry: (typeof failed)[number]) => T, type: string): string =>
    param(values, failed.map(of), type)
  const lists = [
    list((entry) => entry.key, 'text[]'),
    list((entry) => entry.eventId, 'text[]'),
    list((entry) => entry.type, 'text[]'),
    list((entry) => pgText(entry.error), 'text[]'),
    list((entry) => entry.attempts, 'int[]'),
  ]
  parts.push(
    `parked as (insert into ${place.schema}.parked_key (${parkId}, event_id, type, error, attempts)
      select '${place.projection}', ${place.version}, * from unnest(${lists.join(', ')})
      on conflict (${parkId}) do update set event_id = excluded.event_id, type = excluded.type, error = excluded.error, attempts = excluded.attempts)`,
  )
}

function divertedPart(
  place: VersionPlace,
  park: readonly ParkEntry[],
  values: Values,
  parts: string[],
): void {
  const events = park.flatMap((entry) =>
    entry.positions.map((position) => [keyText(entry.key), position.toString()] as const),
  )
  const keys = param(
    values,
    events.map(([key]) => key),
    'text[]',
  )
  const positions = param(
    values,
    events.map(([, position]) => position),
    'bigint[]',
  )
  parts.push(
    `diverted as (insert into ${place.schema}.parked_event (${parkId}, position)
      select '${place.projection}', ${place.version}, * from unnest(${keys}, ${positions}) on conflict do nothing)`,
  )
}

/** Text that PostgreSQL accepts: an error message may hold anything. */
export function pgText(text: string): string {
  return text.replaceAll('\0', '\u2400').toWellFormed().slice(0, 8_000)
}
