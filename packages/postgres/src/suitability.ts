import { TailraceError } from 'tailrace/adapter'
import { withClient, type SqlPool } from './sql-pool.ts'

interface ServerState {
  readonly version: number
  readonly versionText: string
  readonly standby: boolean
  readonly encoding: string
  readonly synchronousCommit: string
  readonly fsync: string
  readonly fullPageWrites: string
  readonly readOnly: string
}

/**
 * Checks that a server can keep what the write side promises, and returns what a person should know of it.
 * Throws one `DATABASE_UNSUITABLE` that lists every reason why it cannot.
 */
export async function checkSuitability(pool: SqlPool): Promise<readonly string[]> {
  const { rows } = await withClient(pool, (client) => client.query({ text: stateSql }))
  const state = rows[0] as ServerState
  const reasons = refusals(state)
  if (reasons.length > 0) {
    throw new TailraceError(
      'DATABASE_UNSUITABLE',
      `expected a server that can hold the write side, got one that cannot:\n${reasons.map((text) => `- ${text}`).join('\n')}`,
      {
        details: { reasons },
      },
    )
  }
  return warnings(state)
}

function refusals(state: ServerState): string[] {
  const reasons: string[] = []
  if (state.version < 150_000)
    reasons.push(`expected PostgreSQL 15 or later, got ${state.versionText}; upgrade the server`)
  if (state.encoding !== 'UTF8')
    reasons.push(
      `expected a database with encoding UTF8, got ${state.encoding}; create the database with encoding UTF8`,
    )
  if (state.standby) reasons.push('expected a primary, got a standby; connect to the primary')
  else if (state.readOnly === 'on')
    reasons.push(
      'expected transactions that may write, got default_transaction_read_only = on; set it off for this role',
    )
  if (state.synchronousCommit === 'off') {
    reasons.push(
      'expected synchronous_commit to be on, got off: a crash would lose events that were published already; set it on for this role or database',
    )
  }
  return reasons
}

function warnings(state: ServerState): string[] {
  const texts: string[] = []
  if (state.fsync === 'off')
    texts.push(
      'the write database runs with fsync = off: a crash of its machine loses commands that were answered',
    )
  else if (state.fullPageWrites === 'off')
    texts.push(
      'the write database runs with full_page_writes = off: a crash of its machine may damage its tables',
    )
  return texts
}

const stateSql = `
  select current_setting('server_version_num')::int as version, current_setting('server_version') as "versionText",
    pg_is_in_recovery() as standby, pg_encoding_to_char(encoding)::text as encoding,
    current_setting('synchronous_commit') as "synchronousCommit", current_setting('fsync') as fsync,
    current_setting('full_page_writes') as "fullPageWrites",
    current_setting('default_transaction_read_only') as "readOnly"
  from pg_database where datname = current_database()`
