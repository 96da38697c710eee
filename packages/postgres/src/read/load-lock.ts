import { TailraceError } from 'tailrace/adapter'
import type { SqlClient } from '../sql-pool.ts'
import type { VersionPlace } from './apply-statement.ts'
import { unhurried } from './bounded-pool.ts'
import type { DocumentTable } from './document-table.ts'
import { lockTimeoutMs } from './read-pools.ts'
import { codeOf } from './store-error.ts'

/** What sessions that load are called while they do: others see by it under which fence. */
const sessionName = 'tailrace load'

/**
 * Locks the table of a version for a bulk load, within its transaction. A load under way is waited for; when it lasts longer
 * than a lock may be waited for, and its fence is not above this one, its session is ended: its lease has been lost to this
 * one, and a process that stands still would hold the table for ever. Throws `PROJECTION_FENCED` when its fence is above.
 */
export async function lockForLoad(
  client: SqlClient,
  place: VersionPlace,
  table: DocumentTable,
  fence: bigint,
  answerTimeoutMs: number,
): Promise<void> {
  const lock = () => client.query(unhurried(`lock table ${table.name} in access exclusive mode`))
  await client.query({
    text: `select set_config('application_name', $1, true), set_config('lock_timeout', $2, true)`,
    values: [`${sessionName} ${fence}`, String(lockTimeoutMs(answerTimeoutMs))],
  })
  await client.query({ text: 'savepoint waiting' })
  try {
    await lock()
  } catch (error) {
    if (codeOf(error) !== '55P03') throw error
    await client.query({ text: 'rollback to savepoint waiting' })
    await endLoads(client, place, table, fence)
    await lock()
  }
}

async function endLoads(
  client: SqlClient,
  { projection, version }: VersionPlace,
  table: DocumentTable,
  fence: bigint,
): Promise<void> {
  const { rows } = await client.query({
    text: `select a.pid, split_part(a.application_name, ' ', 3) as fence
      from pg_locks l join pg_stat_activity a on a.pid = l.pid
      where l.relation = $1::regclass and l.database = (select oid from pg_database where datname = current_database())
        and l.granted and l.mode = 'AccessExclusiveLock' and a.application_name ~ $2 and a.pid <> pg_backend_pid()`,
    values: [table.name, `^${sessionName} \\d+$`],
  })
  for (const { pid, fence: other } of rows as readonly { pid: number; fence: string }[]) {
    if (BigInt(other) > fence)
      throw new TailraceError(
        'PROJECTION_FENCED',
        `expected to be the only bulk load of version ${version} of projection "${projection}", got one under fence ${other}, which is above ${fence}; this one stops`,
        { retryable: true },
      )
    await client.query({ text: 'select pg_terminate_backend($1)', values: [pid] })
  }
}
