import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { TailraceError } from 'tailrace/adapter'
import { quotedSchema } from './schema-name.ts'
import { inTransaction, withClient, type SqlClient, type SqlPool } from './sql-pool.ts'

/** A numbered SQL file. Once released, its text never changes; a change is a new file. */
export interface Migration {
  readonly number: number
  readonly name: string
  /** With `$schema` for the quoted name of the schema. */
  readonly sql: string
  /** Older code cannot work with the tables after it. Said by a first line `-- breaking`. */
  readonly breaking: boolean
}

interface Applied {
  readonly number: number
  readonly name: string
  readonly checksum: string
  readonly breaking: boolean
}

/**
 * Brings the schema's tables to the state of this code, all steps or none. Several processes may start at once.
 * Needs no right to create anything when there is nothing to do. Returns the names of the migrations applied.
 * Throws `SCHEMA_NEWER` when newer code migrated the schema in a way that this code cannot work with.
 */
export async function migrate(
  pool: SqlPool,
  schema = 'tailrace',
  migrations: readonly Migration[] = writeSideMigrations(),
): Promise<readonly string[]> {
  const quoted = quotedSchema(schema)
  const before = await withClient(pool, (client) => appliedMigrations(client, quoted))
  if (pending(migrations, before, schema).length === 0) return []
  return inTransaction(pool, async (client) => {
    await client.query({ text: 'select pg_advisory_xact_lock($1)', values: [lockNumber(schema)] })
    await client.query({ text: `create schema if not exists ${quoted}` })
    await client.query({
      text: `create table if not exists ${quoted}.migration (
        number integer primary key, name text not null, checksum text not null,
        breaking boolean not null, at timestamptz not null default clock_timestamp())`,
    })
    const missing = pending(migrations, await appliedMigrations(client, quoted), schema)
    for (const migration of missing) await apply(client, quoted, migration)
    return missing.map(({ name }) => name)
  })
}

/** The migrations that this package brings. */
export function writeSideMigrations(): Migration[] {
  // Seen from `src` and from `dist` alike: the built package ships its SQL in `src`.
  return readMigrations(new URL('../src/migrations/', import.meta.url), '0001-write-side.sql')
}

/**
 * Reads `0001-what-it-adds.sql`, `0002-….sql`, … of a folder of this package. Throws `CONFIG` for a gap in the numbers, and
 * where the folder does not begin with `first`: code in a bundle looks beside the bundle, where others may have SQL of theirs.
 */
export function readMigrations(folder: URL, first: string): Migration[] {
  const files = sqlFilesOf(folder)
  if (files[0] !== first)
    throw new TailraceError(
      'CONFIG',
      `expected ${first} of @tailrace/postgres in ${fileURLToPath(folder)}, got ${files[0] ?? 'none'}; leave @tailrace/postgres out of the bundle (esbuild: --external:@tailrace/postgres, Next.js: serverExternalPackages)`,
    )
  return files.map((file, i) => {
    const number = Number(file.slice(0, 4))
    if (number !== i + 1) {
      throw new TailraceError(
        'CONFIG',
        `expected migration ${i + 1} to start with its number in four digits, got file ${file}; number the files without gaps`,
      )
    }
    const sql = readFileSync(new URL(file, folder), 'utf8')
    return { number, name: file.slice(0, -4), sql, breaking: /^-- breaking\b/.test(sql) }
  })
}

function sqlFilesOf(folder: URL): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .toSorted()
}

async function appliedMigrations(client: SqlClient, quoted: string): Promise<Applied[]> {
  const table = `${quoted}.migration`
  const found = await client.query({
    text: 'select to_regclass($1) is not null as there',
    values: [table],
  })
  if (found.rows[0].there === false) return []
  const { rows } = await client.query({
    text: `select number, name, checksum, breaking from ${table} order by number`,
  })
  return rows as Applied[]
}

function pending(
  migrations: readonly Migration[],
  applied: readonly Applied[],
  schema: string,
): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.number, migration]))
  for (const row of applied) {
    const migration = known.get(row.number)
    if (migration === undefined) refuseIfBreaking(row, migrations.length, schema)
    else if (checksum(migration) !== row.checksum) {
      throw new TailraceError(
        'MIGRATION_CHANGED',
        `expected migration ${row.name} of schema "${schema}" to be as it was applied, got another text; undo the edit and add a new migration`,
      )
    }
  }
  const done = new Set(applied.map(({ number }) => number))
  return migrations.filter(({ number }) => !done.has(number))
}

function refuseIfBreaking(row: Applied, known: number, schema: string): void {
  if (!row.breaking) return
  throw new TailraceError(
    'SCHEMA_NEWER',
    `expected schema "${schema}" to be at migration ${known} or compatible with it, got ${row.name}, which older code cannot work with; deploy the newer code`,
    { details: { known, found: row.number } },
  )
}

async function apply(client: SqlClient, quoted: string, migration: Migration): Promise<void> {
  await client.query({ text: migration.sql.replaceAll('$schema', () => quoted) })
  await client.query({
    text: `insert into ${quoted}.migration (number, name, checksum, breaking) values ($1, $2, $3, $4)`,
    values: [migration.number, migration.name, checksum(migration), migration.breaking],
  })
}

function checksum(migration: Migration): string {
  return createHash('sha256').update(migration.sql).digest('hex')
}

/** The lock is only about migrating: no command ever takes it. */
function lockNumber(schema: string): string {
  return createHash('sha256')
    .update(`tailrace.migrate:${schema}`)
    .digest()
    .readBigInt64BE()
    .toString()
}
