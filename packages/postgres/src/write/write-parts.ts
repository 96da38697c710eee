import type { AggregateTables, Catalog, CatalogColumn, CatalogTable } from '../catalog/catalog.ts'
import { ident } from '../sql-text.ts'
import type { RowColumn } from './row-arrays.ts'
import { rowStampSql } from './row-stamp.ts'

/** One step of a write statement: a common table expression over its rows, which come as one list per column. */
export interface WritePart {
  readonly id: string
  /** Steps run and lock in this order, which is the same for every statement: first those that are asserted, then the others. */
  readonly order: number
  /** What it takes of each row; of a root that exists also the version that it is expected to have, and its stamp. */
  readonly columns: readonly RowColumn[]
  /** `rows` is a SELECT of the rows, in their order. */
  readonly sql: (rows: string) => string
  /** How many rows it must touch is its last parameter, asserted under this name. */
  readonly asserted: string | undefined
  /** Runs when all others have run, and hence holds every lock that they waited for. */
  readonly last: boolean
}

/** The property of a row that holds the expected version of its root; absent: it matches none. */
export const expectedVersion = '$expected'

/**
 * The property of a row that holds the expected stamp of its root: the write that made the row. Without one, any
 * row of the expected version matches.
 */
export const expectedStamp = '$stamp'

export type RowOp = 'insert' | 'update' | 'delete' | 'guard'

export const rowPartId = (aggregate: string, of: string, op: RowOp) => `${aggregate}/${of}/${op}`

/** Every part that a batch of this catalog can need, by id. */
export function writeParts(schema: string, catalog: Catalog): Map<string, WritePart> {
  const list: PartInList[] = []
  for (const aggregate of catalog.aggregates.values()) list.push(...rowParts(aggregate))
  list.push(...engineParts(schema))
  return new Map(list.map((one, order) => [one.id, { ...one, order }]))
}

type PartInList = Omit<WritePart, 'order'>

function rowParts({ aggregate, root, tables }: AggregateTables): PartInList[] {
  return [
    part(aggregate.name, root, 'guard', root.key, guardSql),
    ...tables.map((table) =>
      part(aggregate.name, table, 'update', [...table.key, ...changing(table)], updateSql),
    ),
    ...tables.map((table) => part(aggregate.name, table, 'insert', inserted(table), insertSql)),
    // The root first, as in every other statement that touches the aggregate: foreign keys are looked at when all rows are gone.
    ...tables.map((table) => part(aggregate.name, table, 'delete', table.key, deleteSql)),
  ]
}

function part(
  aggregate: string,
  table: CatalogTable,
  op: RowOp,
  columns: readonly CatalogColumn[],
  sql: (table: CatalogTable, rows: string) => string,
): PartInList {
  const versioned = table.parent === undefined && op !== 'insert'
  return {
    id: rowPartId(aggregate, table.of, op),
    columns: [
      ...columns.map(rowColumn),
      ...(versioned
        ? [scalarColumn(expectedVersion, 'bigint'), scalarColumn(expectedStamp, 'text')]
        : []),
    ],
    sql: (rows) => sql(table, rows),
    asserted: op === 'insert' ? undefined : table.name,
    last: false,
  }
}

function rowColumn({ property, typeSql, base, isArray }: CatalogColumn): RowColumn {
  const json = base === 'json' || base === 'jsonb'
  if (isArray)
    return { property, type: 'text', cast: typeSql, form: json ? 'list-of-json' : 'list' }
  return { property, type: typeSql, cast: undefined, form: json ? 'json' : 'scalar' }
}

function scalarColumn(property: string, type: string): RowColumn {
  return { property, type, cast: undefined, form: 'scalar' }
}

function keyMatches(table: CatalogTable): string {
  const key = table.key
    .map(({ name, property }) => `t.${ident(name)} = x.${ident(property)}`)
    .join(' and ')
  if (table.parent !== undefined) return key
  const stamp = `x."${expectedStamp}"`
  return `${key} and t.version = x."${expectedVersion}" and (${stamp} is null or ${rowStampSql('t')} = ${stamp})`
}

function guardSql(root: CatalogTable, rows: string): string {
  return `select 1 from ${root.sqlName} t join (${rows}) x on ${keyMatches(root)} for no key update of t`
}

function inserted(table: CatalogTable): readonly CatalogColumn[] {
  return table.columns.filter(({ generated }) => !generated)
}

function insertSql(table: CatalogTable, rows: string): string {
  const columns = inserted(table)
  const overriding = columns.some(({ identityAlways }) => identityAlways)
    ? ' overriding system value'
    : ''
  return `insert into ${table.sqlName} (${columns.map(({ name }) => ident(name)).join(', ')})${overriding} ${rows} returning 1`
}

/** The columns that an update writes: not those of the key, and none that the database fills. */
function changing(table: CatalogTable): readonly CatalogColumn[] {
  const inKey = new Set(table.key.map(({ name }) => name))
  return table.columns.filter(
    ({ name, generated, identityAlways }) => !generated && !identityAlways && !inKey.has(name),
  )
}

function updateSql(table: CatalogTable, rows: string): string {
  const written = changing(table)
  // A table of key columns only has nothing to set, but its rows still must be there.
  const set = (written.length > 0 ? written : table.key)
    .map(({ name, property }) => `${ident(name)} = x.${ident(property)}`)
    .join(', ')
  return `update ${table.sqlName} t set ${set} from (${rows}) x where ${keyMatches(table)} returning 1`
}

function deleteSql(table: CatalogTable, rows: string): string {
  return `delete from ${table.sqlName} t using (${rows}) x where ${keyMatches(table)} returning 1`
}

export const enginePart = {
  commands: '$commands',
  events: '$events',
  timersSet: '$timers/set',
  timersCancelled: '$timers/cancel',
  /** Also what is said when it fails: no table is called that. */
  timersIssued: '$timers/issued',
} as const

const { commands, events, timersSet, timersCancelled, timersIssued } = enginePart

function engineParts(schema: string): PartInList[] {
  const json = (property: string, form: 'json' | 'json-null'): RowColumn => ({
    property,
    type: 'json',
    cast: undefined,
    form,
  })
  const texts = (...properties: string[]) => properties.map((name) => scalarColumn(name, 'text'))
  const list = (
    id: string,
    columns: readonly RowColumn[],
    sql: WritePart['sql'],
    last = false,
  ): PartInList => ({ id, columns, sql, asserted: undefined, last })
  return [
    {
      id: timersIssued,
      columns: [...texts('schedule', 'stream'), scalarColumn('id', 'uuid')],
      sql: (rows) => timersIssuedSql(schema, rows),
      asserted: timersIssued,
      last: false,
    },
    list(
      commands,
      [
        scalarColumn('commandId', 'uuid'),
        ...texts('name', 'fingerprint', 'state', 'aggregateId'),
        scalarColumn('version', 'bigint'),
        { property: 'slots', type: 'text', cast: 'smallint[]', form: 'list' },
        json('rejection', 'json'),
      ],
      (rows) =>
        `insert into ${schema}.command_record (command_id, name, fingerprint, state, aggregate_id, version, slots, rejection) ${rows} returning 1`,
    ),
    list(timersCancelled, texts('schedule', 'stream'), (rows) => timersCancelledSql(schema, rows)),
    list(
      timersSet,
      [
        ...texts('schedule', 'stream'),
        scalarColumn('at', 'timestamptz'),
        ...texts('command'),
        json('input', 'json-null'),
      ],
      (rows) => timersSetSql(schema, rows),
    ),
    // Ids are taken row by row: the log has the events in the order of the batch. They are taken at the end: whoever had to
    // wait for another one's commit gets the higher ids. A payload of null stays JSON.
    list(
      events,
      [
        scalarColumn('version', 'bigint'),
        scalarColumn('commandId', 'uuid'),
        ...['slot', 'schemaVersion', 'ordinal'].map((name) => scalarColumn(name, 'smallint')),
        ...texts('aggregate', 'stream', 'type'),
        json('data', 'json-null'),
        ...texts('causationId', 'traceparent'),
      ],
      (rows) =>
        `insert into ${schema}.event_log (version, command_id, slot, schema_version, ordinal, aggregatetype, aggregateid, type, payload, causation_id, traceparent) ${rows}`,
      true,
    ),
  ]
}

function timersSetSql(schema: string, rows: string): string {
  return `insert into ${schema}.timer as t (schedule, stream, at, command, input) ${rows}
    on conflict (schedule, stream) do update
      set id = gen_random_uuid(), at = excluded.at, hidden_until = null, command = excluded.command, input = excluded.input
    returning 1`
}

/** Locked here, so that whatever else the statement does with them is done to the timers that were issued. */
function timersIssuedSql(schema: string, rows: string): string {
  return `select 1 from ${schema}.timer t join (${rows}) x on t.schedule = x.schedule and t.stream = x.stream and t.id = x.id for update of t`
}

function timersCancelledSql(schema: string, rows: string): string {
  return `delete from ${schema}.timer t using (${rows}) x where t.schedule = x.schedule and t.stream = x.stream returning 1`
}
