import { afterAll, beforeAll, expect, test } from 'vitest'
import { committed, openAccounts, openBank, statementOf, type Bank } from './bank.ts'

let bank: Bank
beforeAll(async () => {
  bank = await openBank()
})
afterAll(() => bank.close())

test('a command on two aggregates that breaks halfway leaves nothing anywhere', async () => {
  const { engine } = await bank.process()
  const [from, to] = await openAccounts(engine, 2, 100)
  const before = await everything()
  for (let i = 0; i < 20; i++) {
    const outcome = await engine.command('transfer', { from, to, amount: 10, breaks: true })
    expect(outcome).toMatchObject({ kind: 'refused', code: 'COMMAND_FAILED' })
  }
  expect(await everything()).toEqual(before)
  // What comes after it shows that readers saw nothing of it either.
  const token = await committed(engine, 'transfer', { from, to, amount: 30, breaks: false })
  expect((await statementOf(engine, from!, token))?.balance).toBe(70)
  expect((await statementOf(engine, to!, token))?.balance).toBe(130)
})

/** All rows that a command may write. */
async function everything(): Promise<unknown> {
  const { rows } = await bank.pool.query(`select
    (select json_agg(a order by id) from accounts a) as accounts,
    (select count(*)::int from tailrace.event_log) as events,
    (select count(*)::int from tailrace.command_record) as commands`)
  return rows[0]
}

test('two appends that share no transaction leave the first one', async () => {
  await bank.pool.query('create table naive_moves (account text, by int)')
  const transfer = async (): Promise<void> => {
    await bank.pool.query(`insert into naive_moves values ('from', -10)`)
    throw new Error('halfway')
  }
  await expect(transfer()).rejects.toThrow('halfway')
  const { rows } = await bank.pool.query('select sum(by)::int as lost from naive_moves')
  expect(rows).toEqual([{ lost: -10 }])
})
