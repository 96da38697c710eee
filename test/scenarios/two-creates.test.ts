import { afterAll, beforeAll, expect, test } from 'vitest'
import { codeOf, openBank, type Bank } from './bank.ts'

let bank: Bank
beforeAll(async () => {
  bank = await openBank()
})
afterAll(() => bank.close())

test('of two that create the same thing at once, exactly one wins and the other is told', async () => {
  const [first, second] = await Promise.all([
    bank.process({ roles: ['api'] }),
    bank.process({ roles: ['api'] }),
  ])
  const ids = Array.from({ length: 100 }, (_, i) => `account-${i}`)
  const outcomes = await Promise.all(
    ids.map((id) =>
      Promise.all(
        [first!, second!].flatMap(({ engine }, n) => [
          engine.command('open', { id, owner: `alice-${n}`, balance: 0 }),
          engine.command('open', { id, owner: `bob-${n}`, balance: 0 }),
        ]),
      ),
    ),
  )
  for (const four of outcomes)
    expect(four.map(codeOf).toSorted()).toEqual([
      'AGGREGATE_EXISTS',
      'AGGREGATE_EXISTS',
      'AGGREGATE_EXISTS',
      'committed',
    ])
  const { rows } = await bank.pool.query(`
    select count(*)::int as events, count(distinct aggregateid)::int as accounts,
      count(*) filter (where a.owner = payload->>'owner')::int as agree
    from tailrace.event_log join accounts a on a.id = aggregateid`)
  expect(rows[0]).toEqual({ events: 100, accounts: 100, agree: 100 })
})

test('looking first and then appending lets both win', async () => {
  await bank.pool.query('create table naive_log (stream text, version int, owner text)')
  const [alice, bob] = [await bank.pool.connect(), await bank.pool.connect()]
  const isNew = async (client: typeof alice): Promise<boolean> =>
    (await client.query(`select from naive_log where stream = 'one'`)).rowCount === 0
  const append = (client: typeof alice, owner: string) =>
    client.query(`insert into naive_log values ('one', 1, $1)`, [owner])
  expect([await isNew(alice), await isNew(bob)]).toEqual([true, true])
  await Promise.all([append(alice, 'alice'), append(bob, 'bob')])
  alice.release()
  bob.release()
  const { rows } = await bank.pool.query('select owner from naive_log')
  expect(rows).toHaveLength(2)
})
