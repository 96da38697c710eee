import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { freshDatabase } from '../../../test/support/postgres.ts'
import { runSql } from '../../../test/support/running-orders.ts'

const schema = readFileSync(join(import.meta.dirname, 'orders.sql'), 'utf8')

async function hasPaidAt(url: string): Promise<boolean> {
  const columns = await runSql<{ name: string }>(
    url,
    `select attname as name from pg_attribute where attrelid = 'orders'::regclass and not attisdropped`,
  )
  return columns.some(({ name }) => name === 'paid_at')
}

test('a database that was made by an earlier version gets the columns that it lacks', async () => {
  const database = await freshDatabase()
  await runSql(database.url, schema)
  await runSql(database.url, 'alter table orders drop column paid_at')
  await runSql(database.url, schema)
  expect(await hasPaidAt(database.url)).toBe(true)
  await database.drop()
})

test('a database that has everything is not kept from anybody who reads it', async () => {
  const database = await freshDatabase()
  await runSql(database.url, schema)
  const reader = new Client({ connectionString: database.url })
  await reader.connect()
  await reader.query('begin; select * from orders')
  // Would wait for the reader, and fail, if it changed the table.
  await runSql(database.url, `set lock_timeout = '2s'; ${schema}`)
  await reader.query('rollback')
  await reader.end()
  await database.drop()
})
