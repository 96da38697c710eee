import { postgres } from '@tailrace/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { quietPool } from '../support/event-log.ts'
import { codeOf, openAccounts, openBank, type Bank } from './bank.ts'

let bank: Bank
beforeAll(async () => {
  bank = await openBank()
})
afterAll(() => bank.close())

test('fifty commands at once on one pool: each is in its own transaction, with its own outcome', async () => {
  const pool = quietPool({ connectionString: bank.writeUrl, max: 10 })
  const { engine } = await bank.process({ roles: ['api'], write: postgres({ pool }) })
  const accounts = await openAccounts(engine, 50, 100)
  const expected: string[] = []
  const outcomes = await Promise.all(
    accounts.map((from, n) => {
      expected.push(n % 3 === 0 ? 'COMMAND_FAILED' : n % 3 === 1 ? 'POOR' : 'committed')
      const to = accounts[(n + 1) % accounts.length]!
      const amount = n % 3 === 1 ? 1_000_000 : 1
      return engine.command('transfer', { from, to, amount, breaks: n % 3 === 0 })
    }),
  )
  expect(outcomes.map(codeOf)).toEqual(expected)
  const { rows } = await bank.pool.query(`
    select e.command_id as id, count(*)::int as events, count(distinct xid)::int as transactions
    from tailrace.event_log e where type = 'MoneyMoved' group by 1`)
  const done = outcomes.flatMap((one) => (one.kind === 'committed' ? [one.commandId] : []))
  expect(rows.map(({ id }) => id as string).toSorted()).toEqual(done.toSorted())
  for (const row of rows) expect(row).toMatchObject({ events: 2, transactions: 1 })
  const shared = await bank.pool.query(`select from tailrace.event_log
    where type = 'MoneyMoved' group by xid having count(distinct command_id) > 1`)
  expect(shared.rowCount).toBe(0)
  const money = await bank.pool.query('select sum(balance)::int as all from accounts')
  expect(money.rows).toEqual([{ all: 5_000 }])
})

test('fifty that share a connection commit what others took back', async () => {
  await bank.pool.query('create table naive_rows (n int)')
  const client = await bank.pool.connect()
  const run = async (n: number): Promise<boolean> => {
    await client.query('begin')
    await client.query('insert into naive_rows values ($1)', [n])
    await client.query(n % 3 === 0 ? 'rollback' : 'commit')
    return n % 3 !== 0
  }
  const told = await Promise.all(Array.from({ length: 50 }, (_, n) => run(n)))
  client.release()
  const { rows } = await bank.pool.query('select count(*)::int as n from naive_rows')
  expect(rows[0].n).not.toBe(told.filter(Boolean).length)
})
