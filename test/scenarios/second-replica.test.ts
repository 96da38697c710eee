import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  committed,
  openAccounts,
  openBank,
  statementOf,
  statementsByHand,
  type Bank,
} from './bank.ts'

// Over a broker: packages/conformance's bus suite, packages/kafka/src/*.engine.test.ts.

let bank: Bank
beforeAll(async () => {
  bank = await openBank()
})
afterAll(() => bank.close())

test('replicas of a consumer that come and go keep the order of each aggregate', async () => {
  const { engine } = await bank.process({ roles: ['api', 'sequencer'] })
  const accounts = await openAccounts(engine, 24)
  let stopped = false
  const lives = accounts.map(async (id) => {
    while (!stopped) await committed(engine, 'move', { id, by: 1 })
  })
  const worker = () => bank.process({ roles: ['worker'], tuning: { worker: { leaseTtlMs: 500 } } })
  const owners = async (): Promise<number> =>
    (await engine.status()).projections['statements']!.owners.length
  const first = await worker()
  await expect.poll(owners).toBe(1)
  await worker()
  await expect.poll(owners).toBe(2)
  const third = await worker()
  await expect.poll(owners).toBe(3)
  await Promise.all([first.stop(), third.stop()])
  await expect.poll(owners).toBe(1)
  stopped = true
  await Promise.all(lives)
  const token = await committed(engine, 'move', { id: accounts[0], by: 0 })
  const byHand = await statementsByHand(bank.pool)
  for (const id of accounts) {
    const statement = await statementOf(engine, id, token)
    // In the order in which they were applied.
    expect(statement?.versions).toEqual(statement?.versions.map((_, n) => n + 1))
    expect(statement).toEqual(byHand[id])
  }
})

test('competing consumers of a queue apply the second event of an aggregate before its first', async () => {
  await bank.pool.query(`
    create table naive_queue (id int generated always as identity, account text);
    insert into naive_queue (account) values ('one'), ('one')`)
  const applied: number[] = []
  const take =
    'delete from naive_queue where id = (select id from naive_queue order by id limit 1 for update skip locked) returning id'
  const [first, second] = [await bank.pool.connect(), await bank.pool.connect()]
  await first.query('begin')
  const slow = (await first.query(take)).rows[0].id as number
  applied.push((await second.query(take)).rows[0].id as number)
  applied.push(slow)
  await first.query('commit')
  first.release()
  second.release()
  expect(applied).toEqual([2, 1])
})
