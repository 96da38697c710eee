import type { AggregateTables, Catalog, CatalogColumn, CatalogTable } from '../catalog/catalog.ts'
import { ident, literal } from '../sql-text.ts'

/**
 * One step of a write statement: a common table expression over one JSON parameter with its rows. JSON carries any value
 * without quoting rules of ours, and the server refuses what text cannot hold (NUL, lone surrogates).
 */
export interface WritePart {
  readonly id: string
  /** Steps run and lock in the order of the parts, which is the same for every statement. */
  readonly order: number
  /** `p` is the JSON parameter, `expected` the one with expected versions. */
  readonly sql: (p: string, expected: string) => string
  /** Whether it has a second parameter: the expected version of each row's aggregate. */
  readonly versioned: boolean
  /** How many rows it must touch is its last parameter, asserted under this name. */
  readonly asserted: string | undefined
}

export type RowOp = 'insert' | 'update' | 'delete' | 'guard'

export const rowPartId = (aggregate: string, of: string, op: RowOp) => `${aggregate}/${of}/${op}`

/** Every part that a batch of this catalog can need, by id. */
export function writeParts(schema: string, catalog: Catalog): Map<string, WritePart> {
  const list: Omit<WritePart, 'order'>[] = []
  for (const aggregate of catalog.aggregates.values()) list.push(...rowParts(aggregate))
  list.push(...engineParts(schema))
  return new Map(list.map((part, order) => [part.id, { ...part, order }]))
}

function rowParts({ aggregate, root, tables }: AggregateTables): Omit<WritePart, 'order'>[] {
  const part = (table: CatalogTable, op: RowOp, sql: WritePart['sql']) => ({
    id: rowPartId(aggregate.name, table.of, op),
    sql,
    versioned: table.parent === undefined && op !== 'insert',
    asserted: op === 'insert' ? undefined : table.name,
  })
  return [
    part(root, 'guard', (p, expected) => guardSql(root, p, expected)),
    ...tables.map((table) => part(table, 'update', (p, expected) => updateSql(table, p, expected))),
    ...tables.map((table) => part(table, 'insert', (p) => insertSql(table, p))),
    ...tables
      .toReversed()
      .map((table) => part(table, 'delete', (p, expected) => deleteSql(table, p, expected))),
  ]
}

/** The rows of a parameter; with the versions that their roots are expected to have, when the table is a root. */
function recordset(
  table: CatalogTable,
  columns: readonly CatalogColumn[],
  p: string,
  expected: string,
): string {
  const fields = columns.map(({ property, typeSql }) => `${ident(property)} ${typeSql}`).join(', ')
  if (table.parent !== undefined) return `json_to_recordset(${p}) as x(${fields})`
  const names = columns.map(({ property }) => ident(property)).join(', ')
  return `rows from (json_to_recordset(${p}) as (${fields}), unnest(${expected})) as x(${names}, "$expected")`
}

function keyMatches(table: CatalogTable): string {
  const key = table.key
    .map(({ name, property }) => `t.${ident(name)} = x.${ident(property)}`)
    .join(' and ')
  return table.parent === undefined ? `${key} and t.version = x."$expected"` : key
}

function guardSql(root: CatalogTable, p: string, expected: string): string {
  return `select 1 from ${root.sqlName} t join ${recordset(root, root.key, p, expected)} on ${keyMatches(root)} for no key update of t`
}

function insertSql(table: CatalogTable, p: string): string {
  const written = table.columns.filter(({ generated }) => !generated)
  const overriding = written.some(({ identityAlways }) => identityAlways)
    ? ' overriding system value'
    : ''
  const names = written.map(({ name }) => ident(name)).join(', ')
  const values = written.map(({ property }) => `x.${ident(property)}`).join(', ')
  const fields = written.map(({ property, typeSql }) => `${ident(property)} ${typeSql}`).join(', ')
  return `insert into ${table.sqlName} (${names})${overriding} select ${values} from json_to_recordset(${p}) as x(${fields})`
}

function updateSql(table: CatalogTable, p: string, expected: string): string {
  const inKey = new Set(table.key.map(({ name }) => name))
  const written = table.columns.filter(
    ({ name, generated, identityAlways }) => !generated && !identityAlways && !inKey.has(name),
  )
  // A table of key columns only has nothing to set, but its rows still must be there.
  const set = (written.length > 0 ? written : table.key)
    .map(({ name, property }) => `${ident(name)} = x.${ident(property)}`)
    .join(', ')
  const fields = [...table.key, ...written]
  return `update ${table.sqlName} t set ${set} from ${recordset(table, fields, p, expected)} where ${keyMatches(table)} returning 1`
}

function deleteSql(table: CatalogTable, p: string, expected: string): string {
  return `delete from ${table.sqlName} t using ${recordset(table, table.key, p, expected)} where ${keyMatches(table)} returning 1`
}

export const enginePart = {
  commands: '$commands',
  events: '$events',
  timersSet: '$timers/set',
  timersCancelled: '$timers/cancel',
} as const

function engineParts(schema: string): Omit<WritePart, 'order'>[] {
  const part = (id: string, sql: WritePart['sql']) => ({
    id,
    sql,
    versioned: false,
    asserted: undefined,
  })
  return [
    part(enginePart.commands, (p) => commandsSql(schema, p)),
    part(enginePart.timersCancelled, (p) => timersCancelledSql(schema, p)),
    part(enginePart.timersSet, (p) => timersSetSql(schema, p)),
    part(enginePart.events, (p) => eventsSql(schema, p)),
  ]
}

function commandsSql(schema: string, p: string): string {
  return `insert into ${schema}.command_record (command_id, name, fingerprint, state, aggregate_id, version, slots, rejection)
    select x."commandId", x.name, x.fingerprint, x.state, x."aggregateId", x.version, x.slots, x.rejection
    from json_to_recordset(${p}) as x("commandId" uuid, name text, fingerprint text, state text, "aggregateId" text, version bigint, slots smallint[], rejection json)`
}

/** Ids are taken after the sort, so the log has the events in the order of the batch. A payload of null stays JSON. */
function eventsSql(schema: string, p: string): string {
  return `insert into ${schema}.event_log (version, command_id, slot, schema_version, ordinal, aggregatetype, aggregateid, type, payload, causation_id, traceparent)
    select x.version, x.command_id, x.slot, x.schema_version, x.ordinal, x.aggregate, x.stream, x.type, coalesce(x.data, ${literal('null')}), x.causation_id, x.traceparent
    from rows from (json_to_recordset(${p}) as (version bigint, "commandId" uuid, slot smallint, "schemaVersion" smallint, ordinal smallint, aggregate text, stream text, type text, data json, "causationId" text, traceparent text))
      with ordinality as x(version, command_id, slot, schema_version, ordinal, aggregate, stream, type, data, causation_id, traceparent, n)
    order by x.n`
}

function timersSetSql(schema: string, p: string): string {
  return `insert into ${schema}.timer as t (schedule, stream, at, command, input)
    select x.schedule, x.stream, x.at, x.command, coalesce(x.input, ${literal('null')})
    from json_to_recordset(${p}) as x(schedule text, stream text, at timestamptz, command text, input json)
    on conflict (schedule, stream) do update
      set id = gen_random_uuid(), at = excluded.at, hidden_until = null, command = excluded.command, input = excluded.input`
}

function timersCancelledSql(schema: string, p: string): string {
  return `delete from ${schema}.timer t using json_to_recordset(${p}) as x(schedule text, stream text)
    where t.schedule = x.schedule and t.stream = x.stream`
}
