import { TailraceError, type AnyAggregate, type AnyTable } from 'tailrace/adapter'
import type { SqlPool } from '../sql-pool.ts'
import { ident, propertyOf } from '../sql-text.ts'
import { compareTable, declaredProperties } from './compare-table.ts'
import { parentsFirst, type ParentLink } from './parent-path.ts'
import { readPhysicalTables, type PhysicalColumn, type PhysicalTable } from './physical-tables.ts'

/** What the engine knows of the tables of the aggregates, from the database itself. */
export interface Catalog {
  readonly aggregates: ReadonlyMap<string, AggregateTables>
}

export interface AggregateTables {
  readonly aggregate: AnyAggregate
  readonly root: CatalogTable
  /** The root first, then every child after its parent. */
  readonly tables: readonly CatalogTable[]
}

export interface CatalogTable {
  /** Property under which the aggregate declares it. */
  readonly of: string
  readonly declared: AnyTable
  /** Qualified and quoted. */
  readonly sqlName: string
  readonly schema: string
  readonly name: string
  readonly primaryKey: string
  /** The declared columns, in the order of the table. */
  readonly columns: readonly CatalogColumn[]
  /** The primary key's columns, in its order. */
  readonly key: readonly CatalogColumn[]
  /** Where the row's aggregate is found: the next row on the way to the root. Undefined for the root. */
  readonly parent: ParentLink | undefined
}

export interface CatalogColumn extends PhysicalColumn {
  readonly property: string
}

/**
 * Reads the tables of the aggregates and compares them with the declarations.
 * Throws one `CATALOG_MISMATCH` that lists everything that does not fit.
 */
export async function readCatalog(
  pool: SqlPool,
  aggregates: Iterable<AnyAggregate>,
): Promise<Catalog> {
  const declared = [...aggregates]
  const names = [
    ...new Set(declared.flatMap((aggregate) => tablesOf(aggregate).map(([, { table }]) => table))),
  ]
  const found = await readPhysicalTables(pool, names)
  const physical = new Map(names.map((name, i) => [name, found[i]]))
  const mismatches = declaredTwice(declared)
  const built = new Map<string, AggregateTables>()
  for (const aggregate of declared) {
    const tables = aggregateTables(aggregate, physical, mismatches)
    if (tables !== undefined) built.set(aggregate.name, tables)
  }
  if (mismatches.length > 0) {
    throw new TailraceError(
      'CATALOG_MISMATCH',
      `expected the tables to fit the declarations, got ${mismatches.length} mismatch${mismatches.length > 1 ? 'es' : ''}; migrate the tables or change the declarations:\n${mismatches.map((text) => `- ${text}`).join('\n')}`,
      { details: { mismatches } },
    )
  }
  return { aggregates: built }
}

/** The declared tables of an aggregate by property. */
export function tablesOf(aggregate: AnyAggregate): [string, AnyTable][] {
  return Object.entries(aggregate.rows as Readonly<Record<string, AnyTable>>)
}

function declaredTwice(aggregates: readonly AnyAggregate[]): string[] {
  const owner = new Map<string, string>()
  const mismatches: string[] = []
  for (const aggregate of aggregates) {
    for (const [of, { table }] of tablesOf(aggregate)) {
      const place = `"${of}" of aggregate "${aggregate.name}"`
      const other = owner.get(table)
      if (other === undefined) owner.set(table, place)
      else
        mismatches.push(`table ${table}: expected one declaration, got two, ${other} and ${place}`)
    }
  }
  return mismatches
}

function aggregateTables(
  aggregate: AnyAggregate,
  physical: ReadonlyMap<string, PhysicalTable | undefined>,
  mismatches: string[],
): AggregateTables | undefined {
  const before = mismatches.length
  const present: {
    readonly of: string
    readonly declared: AnyTable
    readonly table: PhysicalTable
  }[] = []
  for (const [of, declared] of tablesOf(aggregate)) {
    const table = physical.get(declared.table)
    if (table === undefined)
      mismatches.push(
        `table ${declared.table}: expected for "${of}" of aggregate "${aggregate.name}", got none of that name`,
      )
    else present.push({ of, declared, table })
  }
  for (const { declared, table } of present) mismatches.push(...compareTable(declared, table))
  const { ordered, mismatches: unreachable } = parentsFirst(present)
  mismatches.push(...unreachable, ...ordered.flatMap(undeclaredLinks))
  if (mismatches.length > before) return undefined
  const tables = ordered.map(({ of, declared, table, parent }) =>
    catalogTable(of, declared, table, parent),
  )
  return { aggregate, root: tables[0]!, tables }
}

/** A row is put to its aggregate by the values of these columns, so they must be read. */
function undeclaredLinks({
  declared,
  parent,
}: {
  readonly declared: AnyTable
  readonly parent: ParentLink | undefined
}): string[] {
  const properties = declaredProperties(declared)
  return (parent?.pairs ?? [])
    .filter(({ child }) => properties?.has(child) === false)
    .map(
      ({ child, childColumn }) =>
        `table ${declared.table}: expected property "${child}" in the row schema, since column ${childColumn} leads to the root; got none`,
    )
}

function catalogTable(
  of: string,
  declared: AnyTable,
  table: PhysicalTable,
  parent: ParentLink | undefined,
): CatalogTable {
  const properties = declaredProperties(declared)
  const all = table.columns.map((column): CatalogColumn => ({
    ...column,
    property: propertyOf(column.name),
  }))
  return {
    of,
    declared,
    sqlName: `${ident(table.schema)}.${ident(table.name)}`,
    schema: table.schema,
    name: table.name,
    primaryKey: table.primaryKey!.constraint,
    columns:
      properties === undefined ? all : all.filter(({ property }) => properties.has(property)),
    key: table.primaryKey!.columns.map((name) => all.find((column) => column.name === name)!),
    parent,
  }
}
