import { ident } from '../sql-text.ts'
import { withClient, type SqlPool } from '../sql-pool.ts'

/** A table as the database describes it. */
export interface PhysicalTable {
  readonly oid: string
  readonly schema: string
  readonly name: string
  /** `r` table, `p` partitioned table, `v` view, … as in pg_class. */
  readonly kind: string
  readonly columns: readonly PhysicalColumn[]
  readonly primaryKey:
    | { readonly constraint: string; readonly columns: readonly string[] }
    | undefined
  readonly foreignKeys: readonly ForeignKey[]
}

export interface PhysicalColumn {
  readonly name: string
  /** Qualified, without length or precision, for use in SQL. */
  readonly typeSql: string
  /** As people write it, for messages. */
  readonly typeText: string
  /** Base type's name, such as `int8`; of the element when `isArray`. Domains are looked through. */
  readonly base: string
  readonly isArray: boolean
  readonly notNull: boolean
  /** The database fills it when it is left out. */
  readonly hasDefault: boolean
  /** Computed by the database: never written. */
  readonly generated: boolean
  readonly identityAlways: boolean
}

export interface ForeignKey {
  readonly constraint: string
  readonly columns: readonly string[]
  /** Oid of the referenced table. */
  readonly references: string
  readonly referencedColumns: readonly string[]
}

/** Reads tables by name (`orders` or `sales.orders`), found over the search path; undefined where there is none. */
export function readPhysicalTables(
  pool: SqlPool,
  names: readonly string[],
): Promise<(PhysicalTable | undefined)[]> {
  const quoted = names.map((name) => name.split('.', 2).map(ident).join('.'))
  return withClient(pool, async (client) => {
    const tables = (await client.query({ text: tablesSql, values: [quoted] })).rows as TableRow[]
    const oids = tables.map(({ oid }) => oid).filter((oid) => oid !== null)
    const columns = (await client.query({ text: columnsSql, values: [oids] })).rows as ColumnRow[]
    const constraints = (await client.query({ text: constraintsSql, values: [oids] }))
      .rows as ConstraintRow[]
    return tables.map((table) =>
      table.oid === null ? undefined : physicalTable(table, columns, constraints),
    )
  })
}

interface TableRow {
  readonly oid: string | null
  readonly schema: string
  readonly name: string
  readonly kind: string
}

interface ColumnRow extends PhysicalColumn {
  readonly table: string
}

interface ConstraintRow {
  readonly table: string
  readonly constraint: string
  readonly kind: 'p' | 'f'
  readonly columns: string[]
  readonly references: string
  readonly referencedColumns: string[] | null
}

function physicalTable(
  { oid, schema, name, kind }: TableRow,
  columns: readonly ColumnRow[],
  constraints: readonly ConstraintRow[],
): PhysicalTable {
  const own = constraints.filter(({ table }) => table === oid)
  const primary = own.find((constraint) => constraint.kind === 'p')
  return {
    oid: oid!,
    schema,
    name,
    kind,
    columns: columns.filter(({ table }) => table === oid),
    primaryKey: primary && { constraint: primary.constraint, columns: primary.columns },
    foreignKeys: own
      .filter((constraint) => constraint.kind === 'f')
      .map(({ constraint, columns: from, references, referencedColumns }) => ({
        constraint,
        columns: from,
        references,
        referencedColumns: referencedColumns ?? [],
      })),
  }
}

const tablesSql = `
  select c.oid::text as oid, n.nspname::text as schema, c.relname::text as name, c.relkind::text as kind
  from unnest($1::text[]) with ordinality as d(name, ord)
  left join pg_class c on c.oid = to_regclass(d.name)
  left join pg_namespace n on n.oid = c.relnamespace
  order by d.ord`

const columnsSql = `
  select a.attrelid::text as table, a.attname::text as name,
    format('%I.%I', tn.nspname, t.typname) as "typeSql",
    format_type(a.atttypid, a.atttypmod) as "typeText",
    coalesce(e.typname, b.typname)::text as base,
    e.oid is not null as "isArray",
    a.attnotnull or t.typnotnull as "notNull",
    a.atthasdef or a.attidentity <> '' as "hasDefault",
    a.attgenerated <> '' as generated,
    a.attidentity = 'a' as "identityAlways"
  from pg_attribute a
  join pg_type t on t.oid = a.atttypid
  join pg_namespace tn on tn.oid = t.typnamespace
  join pg_type b on b.oid = case t.typtype when 'd' then t.typbasetype else t.oid end
  left join pg_type e on e.oid = b.typelem and b.typcategory = 'A'
  where a.attrelid = any($1::oid[]) and a.attnum > 0 and not a.attisdropped
  order by a.attrelid, a.attnum`

const constraintsSql = `
  select c.conrelid::text as table, c.conname::text as constraint, c.contype::text as kind,
    c.confrelid::text as references,
    array(select a.attname::text from unnest(c.conkey) with ordinality as k(num, ord)
      join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.num order by k.ord) as columns,
    array(select a.attname::text from unnest(c.confkey) with ordinality as k(num, ord)
      join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.num order by k.ord) as "referencedColumns"
  from pg_constraint c
  where c.conrelid = any($1::oid[]) and c.contype in ('p', 'f')
  order by c.conname`
