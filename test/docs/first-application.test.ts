import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { http } from '@tailrace/http'
import { createClient } from '@tailrace/client'
import { postgres, postgresTables } from '@tailrace/postgres'
import { Client } from 'pg'
import { start } from 'tailrace'
import { test as rules } from 'tailrace/testing'
import { expect, test } from 'vitest'
import { freshDatabase } from '../support/postgres.ts'
import { Account, Balance, bank, deposit, openAccount } from './first-application.ts'

const accountId = '3f0c7b6e-6f0e-4a3a-9b59-0d6d2f1c5a10'
const owner = 'ada'
const actor = { role: 'customer', id: owner }

const here = import.meta.dirname
const page = readFileSync(`${here}/../../docs/start.md`, 'utf8')

test('the page shows the code that is tested here', () => {
  expect(page).toContain(readFileSync(`${here}/first-application.ts`, 'utf8').trim())
})

test('the files of the page, copied into an empty folder, run as it says', async () => {
  // Below this folder, where the packages are found as in an application that has them installed.
  mkdirSync(join(here, '.tailrace'), { recursive: true })
  const folder = mkdtempSync(join(here, '.tailrace', 'bank-'))
  for (const [, name, text] of page.matchAll(/`([\w.-]+)`:\n\n```\w+\n(.*?)^```/gms))
    writeFileSync(join(folder, name!), text!)
  const node = (file: string, env: Record<string, string>) =>
    [
      process.execPath,
      ['--conditions=source', file],
      { cwd: folder, env: { ...process.env, ...env } },
    ] as const
  const server = spawn(...node('main.ts', { PORT: '0' }))
  try {
    let said = ''
    for await (const part of server.stdout) if (/listening on .*\n/.test((said += part))) break
    const url = /listening on (\S+)/.exec(said)?.[1]
    const run = promisify(execFile)
    const client = await run(...node('client.ts', { BANK_URL: url! }))
    expect(client.stdout).toContain('balanceMinor: 250')
    expect(client.stdout).toContain('a deposit must be positive')
    await run(...node('bank.test.ts', {}))
  } finally {
    const ended = server.exitCode === null ? once(server, 'exit') : undefined
    server.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
}, 60_000)

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
