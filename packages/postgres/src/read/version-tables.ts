import { TailraceError, type AnyProjectionDef } from 'tailrace/adapter'
import { inTransaction, withClient, type SqlClient, type SqlPool } from '../sql-pool.ts'
import { unhurried } from './bounded-pool.ts'
import { documentTable, physicalName, type DocumentTable } from './document-table.ts'

/** The tables of one projection version. */
export interface VersionTables {
  /** fold and rows. */
  readonly document: DocumentTable | undefined
  /** sql: declared name → quoted physical name. */
  readonly sql: ReadonlyMap<string, string>
}

/** Describes the tables of a projection version without touching the database. Throws `CONFIG`. */
export function versionTables(projection: AnyProjectionDef, schema: string): VersionTables {
  if (projection.shape !== 'sql')
    return { document: documentTable(projection, schema), sql: new Map() }
  const names = Object.keys(projection.tables).map((name): [string, string] => {
    if (!/^[a-z][a-z0-9_]{0,30}$/.test(name)) {
      throw new TailraceError(
        'CONFIG',
        `expected tables of projection "${projection.name}" to be named [a-z][a-z0-9_]{0,30}, got "${name}"`,
      )
    }
    const physical = `${physicalName(projection.name, projection.version)}_${name}`
    if (physical.length > 63) {
      throw new TailraceError(
        'CONFIG',
        `expected physical table names up to 63 letters, got "${physical}"; shorten the name of projection "${projection.name}" or of its table`,
      )
    }
    return [name, `${schema}."${physical}"`]
  })
  return { document: undefined, sql: new Map(names) }
}

/** Replaces `$name` of declared tables by their physical names; `$1` and other dollars stay. */
export function withTableNames(sql: string, tables: ReadonlyMap<string, string>): string {
  return sql.replaceAll(/\$([a-z][a-z0-9_]*)/g, (whole, name: string) => tables.get(name) ?? whole)
}

/**
 * Makes the tables and indexes of a version if they are missing, and checks that existing ones are what this code means.
 * Needs no right to create anything when there is nothing to do. Throws `CONFIG` for another shape.
 */
export async function makeVersion(
  pool: SqlPool,
  schema: string,
  projection: AnyProjectionDef,
  tables: VersionTables,
): Promise<void> {
  const shape = shapeText(projection, tables)
  const complete = await withClient(pool, (client) =>
    check(client, schema, projection, tables, shape),
  )
  if (complete) return
  await inTransaction(pool, async (client) => {
    await client.query({
      text: 'select pg_advisory_xact_lock(hashtextextended($1, 0))',
      values: [`tailrace.read:${schema}:${projection.name}`],
    })
    if (await check(client, schema, projection, tables, shape)) return
    if (tables.document !== undefined) await createDocumentTable(client, schema, tables.document)
    else await createSqlTables(client, schema, projection, tables.sql)
    await client.query({
      text: `insert into ${schema}.read_version (projection, version, shape) values ($1, $2, $3) on conflict do nothing`,
      values: [projection.name, projection.version, shape],
    })
  })
}

/** What the tables of a version look like, as text to compare. */
export function shapeText(projection: AnyProjectionDef, tables: VersionTables): string {
  return JSON.stringify(shapeOf(projection, tables))
}

function shapeOf(projection: AnyProjectionDef, tables: VersionTables): object {
  if (tables.document !== undefined) return tables.document.shape
  const names = [...tables.sql.values()].map((name) => name.slice(name.indexOf('.') + 2, -1))
  return { tables: names, definitions: projection.tables, setup: projection.setup }
}

/** Whether nothing is missing. */
async function check(
  client: SqlClient,
  schema: string,
  projection: AnyProjectionDef,
  tables: VersionTables,
  shape: string,
): Promise<boolean> {
  const { rows } = await client.query({
    text: `select shape::text as shape from ${schema}.read_version where projection = $1 and version = $2`,
    values: [projection.name, projection.version],
  })
  if (rows.length === 0) return false
  if (rows[0].shape !== shape) {
    throw new TailraceError(
      'CONFIG',
      `expected version ${projection.version} of projection "${projection.name}" to have the tables that this code declares, got others; a change of documents or tables needs a higher version`,
      { details: { declared: shape, found: rows[0].shape as string } },
    )
  }
  return (await missingIndexes(client, schema, tables.document)).length === 0
}

async function missingIndexes(
  client: SqlClient,
  schema: string,
  table: DocumentTable | undefined,
): Promise<string[]> {
  if (table === undefined || table.indexes.size === 0) return []
  const { rows } = await client.query({
    text: 'select name from unnest($1::text[]) name where to_regclass($2 || name) is null',
    values: [[...table.indexes.keys()].map((name) => `"${name}"`), `${schema}.`],
  })
  return rows.map((row) => (row.name as string).slice(1, -1))
}

async function createDocumentTable(
  client: SqlClient,
  schema: string,
  table: DocumentTable,
): Promise<void> {
  await client.query({ text: table.create })
  for (const name of await missingIndexes(client, schema, table))
    await client.query(unhurried(table.indexes.get(name)!))
}

async function createSqlTables(
  client: SqlClient,
  schema: string,
  projection: AnyProjectionDef,
  names: ReadonlyMap<string, string>,
): Promise<void> {
  for (const [name, definition] of Object.entries(projection.tables)) {
    await client.query({
      text: `create table ${names.get(name)!} (${withTableNames(definition, names)})`,
    })
  }
  // Indexes go where their tables are; names without a schema mean this one.
  await client.query({ text: `set local search_path to ${schema}, public` })
  for (const statement of projection.setup)
    await client.query(unhurried(withTableNames(statement, names)))
}

/** Removes a version that no reader uses. Throws `CONFIG` for the live one. */
export async function dropVersion(
  pool: SqlPool,
  schema: string,
  projection: string,
  version: number,
): Promise<void> {
  await inTransaction(pool, async (client) => {
    // First of all: a switch to this version holds this row. One that comes later waits here and finds none.
    const { rows } = await client.query({
      text: `delete from ${schema}.read_version where projection = $1 and version = $2 returning shape`,
      values: [projection, version],
    })
    const live = await client.query({
      text: `select 1 from ${schema}.read_model where projection = $1 and live_version = $2 for update`,
      values: [projection, version],
    })
    if (live.rows.length > 0) {
      throw new TailraceError(
        'CONFIG',
        `expected a version of projection "${projection}" that is not live, got ${version}; switch readers to another version first`,
      )
    }
    for (const name of rows.flatMap((row) => (row.shape as { tables: string[] }).tables)) {
      await client.query(unhurried(`drop table if exists ${schema}."${name}" cascade`))
    }
    for (const table of ['checkpoint', 'parked_key', 'parked_event']) {
      await client.query({
        text: `delete from ${schema}.${table} where projection = $1 and version = $2`,
        values: [projection, version],
      })
    }
  })
}
