import type { AnyTable } from 'tailrace/adapter'
import { propertyOf } from '../sql-text.ts'
import type { ForeignKey, PhysicalTable } from './physical-tables.ts'

/** How a child row names its parent row: pairs of properties, the child's and the parent's. */
export interface ParentLink {
  /** Property under which the parent table is declared. */
  readonly of: string
  readonly pairs: readonly {
    readonly child: string
    readonly childColumn: string
    readonly parent: string
    readonly parentColumn: string
  }[]
}

interface Placed {
  readonly of: string
  readonly declared: AnyTable
  readonly table: PhysicalTable
}

/**
 * Finds for each child the way to the root over foreign keys, directly or through other children, and puts parents
 * before children, the root first.
 */
export function parentsFirst<T extends Placed>(
  tables: readonly T[],
): {
  readonly ordered: readonly (T & { readonly parent: ParentLink | undefined })[]
  readonly mismatches: string[]
} {
  const mismatches: string[] = []
  const ordered = tables
    .filter(({ declared }) => declared.kind === 'root')
    .map((table): T & { readonly parent: ParentLink | undefined } => ({
      ...table,
      parent: undefined,
    }))
  let rest = tables.filter(({ declared }) => declared.kind === 'child')
  // Each round reaches the tables one step further away from the root.
  while (rest.length > 0) {
    const reached = rest
      .map((table) => ({ table, ways: waysTo(ordered, table.table) }))
      .filter(({ ways }) => ways.length > 0)
    if (reached.length === 0) break
    for (const { table, ways } of reached) {
      const way = ways.length === 1 ? ways[0]! : identifying(ways, table.table)
      if (way === undefined) mismatches.push(ambiguous(table, ways))
      else mismatches.push(...unusable(table, way.key))
      ordered.push({ ...table, parent: link(way ?? ways[0]!) })
    }
    rest = rest.filter((table) => !reached.some((one) => one.table === table))
  }
  // Without the root's table nothing can be reached, which is no news about the children.
  if (ordered.length > 0) mismatches.push(...rest.map((table) => noWay(table, ordered[0]!)))
  return { ordered, mismatches }
}

interface Way {
  readonly parent: Placed
  readonly key: ForeignKey
}

function waysTo(parents: readonly Placed[], child: PhysicalTable): Way[] {
  return child.foreignKeys.flatMap((key) => {
    const parent = parents.find(({ table }) => table.oid === key.references && table !== child)
    return parent === undefined ? [] : [{ parent, key }]
  })
}

/** Of several foreign keys, the one that is part of the child's primary key. */
function identifying(ways: readonly Way[], child: PhysicalTable): Way | undefined {
  const own = new Set(child.primaryKey?.columns)
  const found = ways.filter(({ key }) => key.columns.every((column) => own.has(column)))
  return found.length === 1 ? found[0] : undefined
}

function link({ parent, key }: Way): ParentLink {
  return {
    of: parent.of,
    pairs: key.columns.map((childColumn, i) => {
      const parentColumn = key.referencedColumns[i]!
      return {
        child: propertyOf(childColumn),
        childColumn,
        parent: propertyOf(parentColumn),
        parentColumn,
      }
    }),
  }
}

function ambiguous({ declared }: Placed, ways: readonly Way[]): string {
  const keys = ways.map(({ key }) => key.constraint).join(' and ')
  return `table ${declared.table}: expected one foreign key that leads to the root, got ${keys}; make one of them part of the primary key`
}

function unusable({ declared, table }: Placed, key: ForeignKey): string[] {
  return key.columns
    .filter((name) => table.columns.find((column) => column.name === name)?.notNull !== true)
    .map(
      (name) =>
        `table ${declared.table}: expected column ${name} to be NOT NULL, since it leads to the root; got one that may be null`,
    )
}

function noWay({ of, declared }: Placed, root: Placed): string {
  return `table ${declared.table}: expected a foreign key from "${of}" to ${root.declared.table}, directly or through another child table, got none`
}
