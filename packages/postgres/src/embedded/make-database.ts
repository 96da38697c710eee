import { Client, escapeIdentifier } from 'pg'
import { TailraceError } from 'tailrace/adapter'
import { databaseUrl, type DataFolder } from './data-folder.ts'

/** Makes a database unless it exists. */
export async function makeDatabase(
  folder: DataFolder,
  port: number,
  name: string,
  deadline: number,
): Promise<void> {
  const connectionTimeoutMillis = Math.max(1_000, deadline - Date.now())
  const client = new Client({
    connectionString: databaseUrl(folder, port, 'postgres'),
    connectionTimeoutMillis,
  })
  // A connection that is lost between two queries reports here; the query that follows fails by itself.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
    if (rowCount === 0) await client.query(`create database ${escapeIdentifier(name)}`)
  } catch (cause) {
    throw new TailraceError(
      'UNAVAILABLE',
      `expected the database "${name}" on ${folder.root} to exist or be made, got "${(cause as Error).message}"; see ${folder.log}`,
      { cause, details: { reason: 'DATABASE_NOT_MADE', folder: folder.root, database: name } },
    )
  } finally {
    await client.end().catch(() => undefined)
  }
}
