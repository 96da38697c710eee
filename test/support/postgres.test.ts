import { Client } from 'pg'
import { expect, test } from 'vitest'
import { ownServer } from './own-server.ts'
import { freshDatabase, testServer } from './postgres.ts'

async function tables(url: string, sql = 'select 1'): Promise<string[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
    const { rows } = await client.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'public'",
    )
    return rows.map((row) => row.name)
  } finally {
    await client.end()
  }
}

test('gives each caller a database of its own on one server', async () => {
  const [one, two] = await Promise.all([freshDatabase(), freshDatabase()])
  expect(new URL(one.url).port).toBe(new URL(await testServer()).port)
  expect(await tables(one.url, 'create table mine (id int)')).toEqual(['mine'])
  expect(await tables(two.url)).toEqual([])
  await Promise.all([one.drop(), two.drop()])
  await expect(tables(one.url)).rejects.toMatchObject({ code: '3D000' })
})

test('drops a database although a connection to it is open', async () => {
  const { url, drop } = await freshDatabase()
  const client = new Client({ connectionString: url })
  const lost = new Promise((done) => client.on('error', done))
  await client.connect()
  await drop()
  await lost
})

test('starts a server whose snapshots no other test can hold back', async () => {
  const own = await ownServer()
  expect(new URL(own.url).port).not.toBe(new URL(await testServer()).port)
  expect(await tables(own.url)).toEqual([])
  await own.drop()
  await expect(tables(own.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})
