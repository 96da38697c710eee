import { readFileSync } from 'node:fs'
import { http } from '@tailrace/http'
import { createClient } from '@tailrace/client'
import { postgres, postgresTables } from '@tailrace/postgres'
import { Client } from 'pg'
import { start } from 'tailrace'
import { test as rules } from 'tailrace/testing'
import { expect, test } from 'vitest'
import { freshDatabase } from '../support/postgres.ts'
import { Account, Balance, bank, deposit, openAccount } from './first-application.ts'
import { filesOf, pageProject } from './page-project.ts'

const accountId = '3f0c7b6e-6f0e-4a3a-9b59-0d6d2f1c5a10'
const owner = 'ada'
const actor = { role: 'customer', id: owner }

const here = import.meta.dirname
const page = readFileSync(`${here}/../../docs/start.md`, 'utf8')

test('the page shows the code that is tested here', () => {
  expect(page).toContain(readFileSync(`${here}/first-application.ts`, 'utf8').trim())
})

test('the files of the page, copied into an empty folder, run as it says', async () => {
  const project = pageProject(filesOf(page))
  const server = project.start('main.ts', { PORT: '0' })
  try {
    const [, url] = await server.says(/listening on (\S+)\n/)
    const client = await project.run('client.ts', { BANK_URL: url! })
    expect(client).toContain('balanceMinor: 250')
    expect(client).toContain('a deposit must be positive')
    await project.run('bank.test.ts')
  } finally {
    await server.stop()
    project.remove()
  }
}, 120_000)

test('rules and folds run without a database', () => {
  const [AccountOpened, Deposited] = Account.events
  const opened = AccountOpened({ accountId, owner })
  const saved = Deposited({ accountId, balanceMinor: 250 })
  rules(Account)
    .given(opened)
    .when(deposit.call({ accountId, amountMinor: 250 }), { actor })
    .then(saved)
  rules(Account)
    .given(opened)
    .when(deposit.call({ accountId, amountMinor: 0 }), { actor })
    .rejects('NOT_POSITIVE')
  rules(Account)
    .given(opened)
    .when(openAccount.call({ accountId, owner }))
    .rejects('ACCOUNT_EXISTS')
  rules(Balance).given(opened, saved).gives({ accountId, owner, balanceMinor: 250 })
})

test('the application runs on real servers and a client sees its own writes', async () => {
  const [write, read] = await Promise.all([freshDatabase(), freshDatabase()])
  const admin = new Client({ connectionString: write.url })
  await admin.connect()
  await admin.query(
    'create table accounts (id uuid primary key, version integer not null, owner text not null, balance_minor bigint not null)',
  )
  await admin.end()
  const running = await start(bank, {
    write: postgres({ url: write.url, onWarning: () => undefined }),
    stores: { balance: postgresTables({ url: read.url }) },
    http: http({ port: 0 }),
  })
  try {
    const client = createClient<typeof bank>({
      baseUrl: running.url!,
      token: () => `demo:customer:${owner}`,
    })
    const opened = await client.commands.openAccount({ accountId, owner })
    expect(opened.ok).toBe(true)
    expect((await client.commands.deposit({ accountId, amountMinor: 250 })).ok).toBe(true)
    const { data, meta } = await client.queries.balance({ accountId })
    expect(data).toEqual({ accountId, owner, balanceMinor: 250 })
    expect(meta.behindToken).toBeUndefined()
    const refused = await client.commands.deposit({ accountId, amountMinor: -1 })
    expect(refused.ok ? 'accepted' : refused.code).toBe('NOT_POSITIVE')
  } finally {
    await running.stop()
    await Promise.all([write.drop(), read.drop()])
  }
})
