import { postgresTables } from '@tailrace/postgres'
import type { Engine } from 'tailrace'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  committed,
  openAccounts,
  openBank,
  statementOf,
  statementsByHand,
  type Bank,
} from './bank.ts'

let bank: Bank
beforeAll(async () => {
  bank = await openBank()
})
afterAll(() => bank.close())

test('a read model is built anew while commands come, readers are switched to it, and it differs in nothing', async () => {
  const first = await bank.process()
  const accounts = await openAccounts(first.engine, 30)
  const load = keepMoving(first.engine, accounts)
  await load.reached(500)
  const tables = postgresTables({ url: bank.readUrl })
  const second = await bank.process({
    version: 2,
    roles: ['api', 'worker'],
    tuning: { worker: { build: { fromEvents: 100 } } },
  })
  await expect.poll(() => tables.liveVersion('statements'), { timeout: 40_000 }).toBe(2)
  const switchedAt = load.sent()
  await load.reached(switchedAt + 200)
  await load.stop()
  const token = await committed(second.engine, 'move', { id: accounts[0], by: 0 })
  const found: Record<string, unknown> = {}
  for (const id of accounts) found[id] = await statementOf(second.engine, id, token, load.token())
  expect(found).toEqual(await statementsByHand(bank.pool))
  expect(await tables.versions('statements')).toEqual([1, 2])
  await tables.close()
})

/** Moves money without a break, on several accounts at once. */
function keepMoving(engine: Engine, accounts: readonly string[]) {
  let count = 0
  let last = ''
  let stopped = false
  const lives = accounts.slice(0, 8).map(async (_, n) => {
    for (let i = n; !stopped; i++) {
      last = await committed(engine, 'move', { id: accounts[i % accounts.length], by: 1 + (i % 7) })
      count++
    }
  })
  return {
    sent: () => count,
    token: () => last,
    reached: (wanted: number) =>
      expect.poll(() => count, { timeout: 40_000 }).toBeGreaterThan(wanted),
    async stop() {
      stopped = true
      await Promise.all(lives)
    },
  }
}

test('a copy of what is there, put in the place of the old one, lacks what came meanwhile', async () => {
  await bank.pool.query(`
    create table naive_events (id int generated always as identity, by int);
    insert into naive_events (by) select 1 from generate_series(1, 10)`)
  const { rows } = await bank.pool.query('select max(id) as head from naive_events')
  await bank.pool.query(
    'create table naive_v2 as select sum(by)::int as total from naive_events where id <= ' +
      rows[0].head,
  )
  await bank.pool.query('insert into naive_events (by) values (1)')
  // Switched: the new reader begins with the next event that it is told of.
  const found = await bank.pool.query('select total from naive_v2')
  const wanted = await bank.pool.query('select sum(by)::int as total from naive_events')
  expect(found.rows).not.toEqual(wanted.rows)
})
