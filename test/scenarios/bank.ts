import { postgres, postgresTables } from '@tailrace/postgres'
import type { Pool } from 'pg'
import { start, type CommandOutcome, type Engine, type Running, type StartOptions } from 'tailrace'
import { quietPool } from '../support/event-log.ts'
import { freshDatabase } from '../support/postgres.ts'
import {
  accountsApp,
  accountTables,
  type AccountsOptions,
  type StatementDocument,
} from './accounts-app.ts'

/** Two databases with accounts, and as many processes of the application on them as a scenario wants. */
export interface Bank {
  readonly writeUrl: string
  readonly readUrl: string
  /** To the write database. */
  readonly pool: Pool
  /** What processes reported as gone wrong. */
  readonly problems: string[]
  process(options?: Partial<StartOptions> & AccountsOptions): Promise<Running>
  /** Stops the processes and removes the databases. */
  close(): Promise<void>
}

export async function openBank(): Promise<Bank> {
  const [write, read] = await Promise.all([freshDatabase(), freshDatabase()])
  const pool = quietPool({ connectionString: write.url, max: 20 })
  await pool.query(accountTables)
  const processes: Running[] = []
  const problems: string[] = []
  return {
    writeUrl: write.url,
    readUrl: read.url,
    pool,
    problems,
    async process({ version, onFold, ...options } = {}) {
      const ofProjection = {
        ...(version === undefined ? {} : { version }),
        ...(onFold === undefined ? {} : { onFold }),
      }
      const running = await start(accountsApp(ofProjection), {
        write: postgres({ url: write.url, onWarning: () => undefined }),
        stores: { statements: postgresTables({ url: read.url }) },
        onProblem: (where, error) => problems.push(`${where}: ${String(error)}`),
        ...options,
      })
      processes.push(running)
      return running
    },
    async close() {
      await Promise.all(processes.map((running) => running.stop()))
      void pool.end()
      await Promise.all([write.drop(), read.drop()])
    },
  }
}

/** `committed`, or the code of what it came to instead. */
export function codeOf(outcome: CommandOutcome): string {
  return outcome.kind === 'committed' ? 'committed' : outcome.code
}

/** Sends a command that must be committed; its token. */
export async function committed(
  { command }: Engine,
  name: string,
  input: unknown,
): Promise<string> {
  const outcome = await command(name, input)
  if (outcome.kind !== 'committed')
    throw new Error(`expected ${name} to be committed, got ${JSON.stringify(outcome)}`)
  return outcome.token
}

export async function openAccounts(engine: Engine, count: number, balance = 0): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `a${String(i).padStart(3, '0')}`)
  await Promise.all(ids.map((id) => committed(engine, 'open', { id, owner: 'bank', balance })))
  return ids
}

/** The statement of an account, with all that a token stands for. */
export async function statementOf(
  { query }: Engine,
  id: string,
  ...tokens: string[]
): Promise<StatementDocument | null> {
  const outcome = await query('statement', { id }, { tokens, waitMs: 5_000, consistency: 'strict' })
  if (outcome.kind !== 'answer') throw new Error(`expected an answer, got ${outcome.message}`)
  return outcome.data as StatementDocument | null
}

/** Statements as the log has them: sums and versions of each account, straight from its events. */
export async function statementsByHand(pool: Pool): Promise<Record<string, StatementDocument>> {
  const { rows } = await pool.query(`
    select aggregateid as id, json_agg(version order by version) as versions,
      sum(coalesce((payload->>'by')::bigint, (payload->>'balance')::bigint))::int as balance,
      max(payload->>'owner') as owner
    from tailrace.event_log group by 1`)
  return Object.fromEntries(rows.map(({ id, ...statement }) => [id as string, statement as never]))
}
