import type { AnyTable } from 'tailrace/adapter'
import { columnOf, propertyOf } from '../sql-text.ts'
import { acceptsTypes, describeColumn, describeTypes } from './column-types.ts'
import type { PhysicalColumn, PhysicalTable } from './physical-tables.ts'
import { rowShape, type PropertyShape } from './row-shape.ts'

/** What of a table disagrees with its declaration, one plain sentence each; empty when all fits. */
export function compareTable(declared: AnyTable, table: PhysicalTable): string[] {
  const at = `table ${declared.table}:`
  if (table.kind !== 'r' && table.kind !== 'p')
    return [`${at} expected a table, got ${kinds[table.kind] ?? 'something else'}`]
  return [
    ...compareKey(declared, table),
    ...compareVersion(declared, table),
    ...compareColumns(declared, table),
  ].map((text) => `${at} ${text}`)
}

/** The property names that a declaration covers; undefined when its schema does not tell, which means every column. */
export function declaredProperties(declared: AnyTable): ReadonlySet<string> | undefined {
  const shape = rowShape(declared.schema)
  return shape && new Set(shape.keys())
}

const kinds: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  i: 'an index',
  S: 'a sequence',
}

function compareKey(declared: AnyTable, table: PhysicalTable): string[] {
  const expected = (declared.key as readonly string[]).map(columnOf)
  const got = table.primaryKey?.columns ?? []
  const same = expected.length === got.length && expected.every((column) => got.includes(column))
  if (same) return []
  const found = got.length === 0 ? 'none' : `(${got.join(', ')})`
  return [`expected the primary key (${expected.join(', ')}), got ${found}`]
}

function compareVersion(declared: AnyTable, table: PhysicalTable): string[] {
  if (declared.kind !== 'root') return []
  const version = table.columns.find(({ name }) => name === 'version')
  if (version === undefined)
    return [
      "expected a column version (bigint not null) on a root table, got none; the engine keeps the aggregate's version in it",
    ]
  const integer = ['int4', 'int8'].includes(version.base) && !version.isArray
  return integer && version.notNull
    ? []
    : [`expected column version to be bigint not null, got ${describeColumn(version)}`]
}

function compareColumns(declared: AnyTable, table: PhysicalTable): string[] {
  const shape = rowShape(declared.schema)
  if (shape === undefined) return []
  const columns = new Map(table.columns.map((column) => [propertyOf(column.name), column]))
  const mismatches: string[] = []
  for (const [property, described] of shape) {
    const column = columns.get(property)
    if (column === undefined)
      mismatches.push(
        `expected a column ${columnOf(property)} for property "${property}", got none`,
      )
    else if (!(declared.kind === 'root' && property === 'version'))
      mismatches.push(...compareColumn(property, described, column))
  }
  for (const [property, column] of columns) {
    if (!shape.has(property))
      mismatches.push(...compareUndeclared(property, column, declared, table))
  }
  return mismatches
}

function compareColumn(
  property: string,
  described: PropertyShape,
  column: PhysicalColumn,
): string[] {
  const mismatches: string[] = []
  if (!acceptsTypes(column, described)) {
    mismatches.push(
      `expected column ${column.name} to hold ${describeTypes(described)} for property "${property}", got ${column.typeText}${hint(column)}`,
    )
  }
  if (column.notNull) {
    if (
      described.types !== undefined &&
      (described.nullable || described.optional) &&
      !column.generated
    )
      mismatches.push(
        `expected property "${property}" never to be null or missing, since column ${column.name} is NOT NULL; got a schema that allows it`,
      )
  } else if (described.types !== undefined && !described.nullable) {
    const got = described.optional
      ? 'an optional one; a missing value is read as null'
      : 'one that is never null'
    mismatches.push(
      `expected property "${property}" to be nullable, since column ${column.name} may be null; got ${got}`,
    )
  }
  return mismatches
}

/** Columns that the database must fill, or that lead to the root, cannot be left out of the row schema. */
function compareUndeclared(
  property: string,
  column: PhysicalColumn,
  declared: AnyTable,
  table: PhysicalTable,
): string[] {
  const needed =
    table.primaryKey?.columns.includes(column.name) === true ||
    (declared.kind === 'root' && property === 'version')
  if (needed)
    return [
      `expected property "${property}" in the row schema, since column ${column.name} is ${property === 'version' ? "the aggregate's version" : 'part of the primary key'}; got none`,
    ]
  if (!column.notNull || column.hasDefault || column.generated) return []
  return [
    `expected property "${property}" in the row schema, since column ${column.name} is NOT NULL without a default; got none`,
  ]
}

function hint(column: PhysicalColumn): string {
  if (column.base === 'numeric') return '; numeric is read as a string, so that no digit is lost'
  if (column.base === 'timestamptz') return '; timestamps are RFC 3339 strings'
  return ''
}
