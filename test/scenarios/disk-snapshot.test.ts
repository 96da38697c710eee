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

test('a write database that was set back by a snapshot of its disk loses no event of the time after it in a read model', async () => {
  const before = await bank.process()
  const [id] = await openAccounts(before.engine, 1)
  const move = (engine: typeof before.engine, by: number) => committed(engine, 'move', { id, by })
  await statementOf(before.engine, id!, await move(before.engine, 1))
  await before.stop()
  await keep()
  const lost = await bank.process()
  for (let n = 0; n < 5; n++) await move(lost.engine, 100)
  await statementOf(lost.engine, id!, await move(lost.engine, 100))
  await lost.stop()
  await setBack()

  // The read model is ahead. Nobody is told that it is well, and what comes now is not taken for what was lost.
  const after = await bank.process()
  expect(bank.problems.join()).toContain('the write database was set back; a new history begins')
  for (let n = 0; n < 10; n++) await move(after.engine, 1)
  await expect
    .poll(async () => (await after.engine.status()).projections['statements'])
    .toMatchObject({ state: 'failed', lastError: expect.stringContaining('of which only') })
  await expect
    .poll(() => after.engine.query('statement', { id }))
    .toMatchObject({ meta: { stale: true, reads: { statements: { state: 'failed' } } } })
  await after.stop()

  // Built anew, it is the fold of the log.
  const { engine } = await bank.process({ version: 2 })
  const token = await move(engine, 1)
  await expect
    .poll(async () => (await engine.status()).projections['statements']?.state)
    .toBe('live')
  expect(await statementOf(engine, id!, token)).toMatchObject({ balance: 12 })
  expect((await statementsByHand(bank.pool))[id!]).toMatchObject({ balance: 12 })
})

test('a start beside read models that are where the log is begins no history', async () => {
  const epochs = async () => (await bank.pool.query('select from tailrace.log_epoch')).rowCount
  const known = await epochs()
  for (let n = 0; n < 2; n++) await (await bank.process({ version: 2 })).stop()
  expect(await epochs()).toBe(known)
})

/** Every row of the write database, as the disk had it. */
async function keep(): Promise<void> {
  for (const [table, name] of await tables())
    await bank.pool.query(`create table kept.${name} as table ${table}`)
}

async function setBack(): Promise<void> {
  const client = await bank.pool.connect()
  try {
    // Rows as they are, whatever refers to them.
    await client.query(`begin; set local session_replication_role = replica`)
    for (const [table, name] of await tables()) {
      await client.query(`delete from ${table}`)
      await client.query(`insert into ${table} overriding system value select * from kept.${name}`)
    }
    await client.query('commit')
  } finally {
    client.release()
  }
}

async function tables(): Promise<(readonly [string, string])[]> {
  await bank.pool.query('create schema if not exists kept')
  const { rows } = await bank.pool.query(
    `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and not c.relispartition and n.nspname in ('public', 'tailrace')`,
  )
  return rows.map(({ schema, name }) => [`${schema}.${name}`, `${schema}_${name}`])
}
