import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { Client } from 'pg'

/** An empty database of the caller's own, on the server that all test files share. */
export interface FreshDatabase {
  readonly url: string
  /** Ends the connections that are left and removes the database. */
  drop(): Promise<void>
}

let url: Promise<string> | undefined

/**
 * The administrator's address of the PostgreSQL server that all test files of a run share. The first call starts it.
 * TAILRACE_TEST_PG names another server to use, for instance of another major version.
 */
export function testServer(): Promise<string> {
  url ??=
    process.env['TAILRACE_TEST_PG'] === undefined
      ? ringDoorbell()
      : Promise.resolve(process.env['TAILRACE_TEST_PG'])
  return url
}

async function ringDoorbell(): Promise<string> {
  const port = process.env['TAILRACE_TEST_DOORBELL']
  if (port === undefined)
    throw new Error(
      'expected TAILRACE_TEST_DOORBELL, got nothing; run this file with vitest, whose global setup sets it',
    )
  const answer = JSON.parse(await text(connect(Number(port), '127.0.0.1'))) as {
    url?: string
    error?: string
  }
  if (answer.url === undefined) throw new Error(answer.error)
  return answer.url
}

/** Makes a database for one test file or one test. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = await testServer()
  const name = `test_${randomBytes(6).toString('hex')}`
  await runOn(server, `create database ${name}`)
  const own = new URL(server)
  own.pathname = `/${name}`
  return {
    url: own.href,
    drop: async () => {
      await runOn(server, afterConnections(name))
      await runOn(server, `drop database if exists ${name} with (force)`)
    },
  }
}

/** Waits up to two seconds for connections that are ending: one that is cut then is an error that nobody expects. */
function afterConnections(name: string): string {
  return `do $$ begin
    for i in 1..80 loop
      exit when not exists (select from pg_stat_activity where datname = '${name}');
      perform pg_sleep(0.025);
      perform pg_stat_clear_snapshot();
    end loop;
  end $$`
}

async function runOn(server: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: server })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
