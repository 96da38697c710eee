import type { AggregateTables, CatalogTable } from '../catalog/catalog.ts'
import { readExpression } from '../catalog/column-types.ts'
import type { SqlStatement } from '../sql-pool.ts'
import { ident, literal } from '../sql-text.ts'
import { statementName } from './statement-name.ts'
import { rowStampSql } from './row-stamp.ts'

/** One statement that reads aggregates of these kinds, and command records: one round trip, one snapshot. */
export interface LoadStatement {
  readonly text: string
  readonly name: string
  readonly aggregates: readonly AggregateTables[]
  /** Which of the answer's columns hold each aggregate's tables, in the order of `tables`. */
  readonly columns: readonly (readonly string[])[]
}

/** The parameters are one list of ids per aggregate, then the list of command ids. */
export function loadStatement(
  schema: string,
  aggregates: readonly AggregateTables[],
  commands: boolean,
): LoadStatement {
  const columns: string[][] = []
  const selected: string[] = []
  aggregates.forEach((aggregate, i) => {
    columns.push(
      aggregate.tables.map((table) => {
        const name = `t${selected.length}`
        selected.push(`${tableQuery(aggregate, table, i + 1)} as ${name}`)
        return name
      }),
    )
  })
  if (commands) selected.push(`${commandsQuery(schema, aggregates.length + 1)} as commands`)
  selected.push('extract(epoch from clock_timestamp()) * 1000 as now')
  const text = `select ${selected.join(',\n  ')}`
  return { text, name: statementName('load', text), aggregates, columns }
}

export function bindLoad(
  statement: LoadStatement,
  ids: readonly (readonly string[])[],
  commandIds: readonly string[],
): SqlStatement {
  const values: unknown[] = [...ids]
  if (commandIds.length > 0) values.push(commandIds)
  return { text: statement.text, name: statement.name, values, types: asText }
}

/** Every value as the text that the server sent. */
export const asText = { getTypeParser: () => (value: string) => value }

/** The property of a loaded root row that says which write made it. */
export const rowStamp = '$stamp'

/** All rows of one table that belong to the aggregates asked for, as one JSON text. */
function tableQuery(aggregate: AggregateTables, table: CatalogTable, parameter: number): string {
  const columns = table.columns.map(
    (column) => `${readExpression(column, `t.${ident(column.name)}`)} as ${ident(column.property)}`,
  )
  if (table.parent === undefined) columns.push(`${rowStampSql('t')} as ${ident(rowStamp)}`)
  const { joins, id } = wayToId(aggregate, table)
  const type = aggregate.root.key[0]!.typeSql
  return `(select json_agg(r) from (select ${columns.join(', ')} from ${table.sqlName} t${joins} where ${id} = any($${parameter}::${type}[])) r)`
}

/** Joins from a row up to where the aggregate's id stands: mostly none, since children name their root. */
function wayToId(aggregate: AggregateTables, table: CatalogTable): { joins: string; id: string } {
  let joins = ''
  let alias = 't'
  for (let here = table; here.parent !== undefined;) {
    const { of, pairs } = here.parent
    const parent = aggregate.tables.find((other) => other.of === of)!
    if (parent.parent === undefined && pairs.length === 1 && pairs[0]!.parent === 'id') {
      return { joins, id: `${alias}.${ident(pairs[0]!.childColumn)}` }
    }
    const next = `${alias}p`
    const on = pairs.map(
      ({ childColumn, parentColumn }) =>
        `${next}.${ident(parentColumn)} = ${alias}.${ident(childColumn)}`,
    )
    joins += ` join ${parent.sqlName} ${next} on ${on.join(' and ')}`
    alias = next
    here = parent
  }
  return { joins, id: `${alias}.id` }
}

function commandsQuery(schema: string, parameter: number): string {
  const fields: readonly (readonly [string, string])[] = [
    ['commandId', 'command_id'],
    ['name', 'name'],
    ['fingerprint', 'fingerprint'],
    ['state', 'state'],
    ['aggregateId', 'aggregate_id'],
    ['version', 'version'],
    ['rejection', 'rejection'],
    ['xid', 'xid::text'],
    ['slots', 'slots'],
    ['at', `to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`],
  ]
  const built = fields.map(([name, sql]) => `${literal(name)}, ${sql}`).join(', ')
  return `(select json_agg(json_build_object(${built})) from ${schema}.command_record where command_id = any($${parameter}::uuid[]))`
}
