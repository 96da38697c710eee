import { postgresTables } from '@tailrace/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { quietPool } from '../support/event-log.ts'
import { openAccounts, openBank, statementOf, committed, type Bank } from './bank.ts'

// How many events per second each store takes is in docs/performance.md (npm run bench -- --only P11). Here it is counted
// what a build costs: the transactions that wrote it, which no busy machine makes more of.

let bank: Bank
beforeAll(async () => {
  bank = await openBank()
})
afterAll(() => bank.close())

const accounts = 500
const moves = 20_000

test('a read model of many events is built in a few transactions, not in one per event', async () => {
  const writer = await bank.process({ roles: ['api', 'sequencer'] })
  const ids = await openAccounts(writer.engine, accounts)
  for (let sent = 0; sent < moves; sent += 1_000) {
    await Promise.all(
      Array.from({ length: 1_000 }, (_, n) =>
        committed(writer.engine, 'move', { id: ids[(sent + n) % accounts], by: 1 }),
      ),
    )
  }
  const tables = postgresTables({ url: bank.readUrl })
  await bank.process({ roles: ['worker'], tuning: { worker: { build: { fromEvents: 1_000 } } } })
  await expect.poll(() => tables.liveVersion('statements'), { timeout: 50_000 }).toBe(1)
  await tables.close()
  const token = await committed(writer.engine, 'move', { id: ids[0], by: 0 })
  expect((await statementOf(writer.engine, ids[1]!, token))?.balance).toBe(moves / accounts)
  expect(await transactionsOf('statements_v1')).toBeLessThanOrEqual(20)
})

/** How many transactions wrote the rows that are there. */
async function transactionsOf(table: string): Promise<number> {
  const pool = quietPool({ connectionString: bank.readUrl, max: 1 })
  const found = await pool.query(
    `select oid::regclass::text as name from pg_class where relkind = 'r' and relname = $1`,
    [table],
  )
  const { rows } = await pool.query(
    `select count(distinct xmin::text)::int as n from ${found.rows[0].name}`,
  )
  await pool.end()
  return rows[0].n
}

test('a projector that commits each event pays for each of them', async () => {
  const pool = quietPool({ connectionString: bank.readUrl, max: 1 })
  await pool.query('create table naive_statements (id int primary key, balance int)')
  for (let n = 0; n < 500; n++) await pool.query('insert into naive_statements values ($1, 1)', [n])
  await pool.end()
  expect(await transactionsOf('naive_statements')).toBe(500)
})
