import { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../../../test/support/postgres.ts'
import { migrate, readMigrations, writeSideMigrations, type Migration } from './migrate.ts'

let database: FreshDatabase
let pool: Pool

beforeAll(async () => {
  database = await freshDatabase()
  pool = new Pool({ connectionString: database.url, max: 8 })
})

afterAll(async () => {
  await pool.end()
  await database.drop()
})

const all = writeSideMigrations().map(({ name }) => name)

const extra = (number: number, sql: string): Migration => ({
  number,
  name: `${String(number).padStart(4, '0')}-extra`,
  sql,
  breaking: sql.startsWith('-- breaking'),
})

async function count(sql: string): Promise<number> {
  return Number((await pool.query<{ n: string }>(sql)).rows[0]!.n)
}

test('makes the tables once when several processes start at once', async () => {
  const runs = await Promise.all([1, 2, 3, 4].map(() => migrate(pool, 'crowd')))
  expect(runs.flat()).toEqual(all)
  expect(await count(`select count(*) n from crowd.migration`)).toBe(all.length)
  expect(await count(`select count(*) n from crowd.sequencer`)).toBe(1)
})

test('never takes the SQL of others for its own, as it would from within a bundle', () => {
  const own = writeSideMigrations()[0]!
  expect(own.name).toBe('0001-write-side')
  for (const folder of ['read/migrations/', 'no-such-folder/'])
    expect(() => readMigrations(new URL(folder, import.meta.url), '0001-write-side.sql')).toThrow(
      /expected 0001-write-side.sql of @tailrace\/postgres in .*; leave .* out of the bundle/,
    )
})

test('keeps two schemas of one database apart', async () => {
  expect(await migrate(pool, 'one')).toEqual(all)
  expect(await migrate(pool, 'two')).toEqual(all)
  await pool.query(
    `insert into one.timer (schedule, stream, at, command, input) values ('s', 'x', now(), 'c', '{}')`,
  )
  expect(await count('select count(*) n from two.timer')).toBe(0)
})

test('undoes every step when one of them fails', async () => {
  const migrations = [...writeSideMigrations(), extra(all.length + 1, 'select 1 / 0')]
  await expect(migrate(pool, 'broken', migrations)).rejects.toMatchObject({ code: '22012' })
  expect(await count(`select count(*) n from pg_namespace where nspname = 'broken'`)).toBe(0)
})

test('adds what is missing, and works with newer tables unless they say that they break older code', async () => {
  await migrate(pool, 'ages')
  const newer = [
    ...writeSideMigrations(),
    extra(all.length + 1, 'create table $schema.later (id int)'),
  ]
  expect(await migrate(pool, 'ages', newer)).toEqual([newer.at(-1)!.name])
  expect(await migrate(pool, 'ages')).toEqual([])
  const breaking = [...newer, extra(all.length + 2, '-- breaking\ndrop table $schema.later')]
  await migrate(pool, 'ages', breaking)
  await expect(migrate(pool, 'ages')).rejects.toMatchObject({ code: 'SCHEMA_NEWER' })
})

test('refuses a migration whose text was edited after it was applied', async () => {
  await migrate(pool, 'edited')
  const edited = writeSideMigrations().map((m) => ({ ...m, sql: `${m.sql}\n-- edited` }))
  await expect(migrate(pool, 'edited', edited)).rejects.toMatchObject({ code: 'MIGRATION_CHANGED' })
})

test('refuses a schema name that would need care in SQL', async () => {
  await expect(migrate(pool, 'Robert"); drop')).rejects.toMatchObject({ code: 'CONFIG' })
})

test('keeps log partitions ahead of the last id, and makes each once', async () => {
  await migrate(pool, 'log')
  const partitions = () =>
    count(`select count(*) n from pg_inherits where inhparent = 'log.event_log'::regclass`)
  expect(await partitions()).toBe(3)
  expect(await count('select log.ensure_log_partitions() n')).toBe(0)
  await pool.query(`select setval(pg_get_serial_sequence('log.event_log', 'id'), 29999999)`)
  const insert = `insert into log.event_log (version, command_id, slot, schema_version, ordinal, aggregatetype, aggregateid, type, payload)
    values (1, gen_random_uuid(), 0, 1, 0, 'a', 'x', 'T', '{}')`
  await expect(pool.query(insert)).rejects.toMatchObject({ code: '23514', table: 'event_log' })
  const made = await Promise.all(
    [1, 2, 3, 4].map(() => count('select log.ensure_log_partitions() n')),
  )
  expect(made.reduce((a, b) => a + b)).toBe(3)
  await pool.query(insert)
})

test('has an assertion that undoes a statement with SQLSTATE TR001', async () => {
  await migrate(pool, 'guard')
  await expect(pool.query(`select guard.assert_count('orders', 1, 2)`)).rejects.toMatchObject({
    code: 'TR001',
    message: 'expected 2 rows for orders, got 1',
  })
})
