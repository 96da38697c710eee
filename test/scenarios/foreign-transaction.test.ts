import { postgres } from '@tailrace/postgres'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { committed, openAccounts, openBank, statementOf, type Bank } from './bank.ts'

let bank: Bank
beforeAll(async () => {
  bank = await openBank()
})
afterAll(() => bank.close())

test('a long transaction of somebody else holds up nothing, and the status names it until it ends', async () => {
  const { engine } = await bank.process({
    write: postgres({ url: bank.writeUrl, oldTransactionMs: 200, onWarning: () => undefined }),
  })
  const [id] = await openAccounts(engine, 1)
  await bank.pool.query('create table foreign_rows (n int)')
  const report = new Client({ connectionString: bank.writeUrl, application_name: 'nightly-report' })
  report.on('error', () => undefined)
  await report.connect()
  await report.query('begin')
  await report.query('insert into foreign_rows values (1) /* the nightly report */')
  const { rows } = await report.query('select pg_backend_pid() as pid')
  for (let n = 1; n <= 20; n++) {
    const token = await committed(engine, 'move', { id, by: 1 })
    expect((await statementOf(engine, id!, token))?.balance).toBe(n)
    // A reader that waits for every older transaction to end sees none of it.
    expect(await seenByHorizon()).toBeLessThanOrEqual(1)
  }
  const named = {
    pid: rows[0].pid as number,
    application: 'nightly-report',
    query: expect.stringContaining('pg_backend_pid'),
  }
  const head = async () => (await engine.status()).head
  await expect.poll(head, { timeout: 30_000 }).toMatchObject({ oldestTransaction: named })
  expect(engine.metrics()).toMatch(/^cqrs_oldest_transaction_seconds 0*[1-9.]/m)
  await report.query('commit')
  await report.end()
  await expect.poll(head, { timeout: 30_000 }).not.toHaveProperty('oldestTransaction')
})

/** Events below the oldest running transaction: those from before the report began. */
async function seenByHorizon(): Promise<number> {
  const { rows } = await bank.pool.query(
    'select count(*)::int as n from tailrace.event_log where xid < pg_snapshot_xmin(pg_current_snapshot())',
  )
  return rows[0].n
}
