import { readFileSync } from 'node:fs'
import { postgres, postgresTables } from '@tailrace/postgres'
import { Client } from 'pg'
import { start, type StartOptions } from 'tailrace'
import { expect, test } from 'vitest'
import { freshDatabase } from '../support/postgres.ts'
import { bank } from './first-application.ts'
import { filesOf, pageProject } from './page-project.ts'

const pageOf = (name: string): string =>
  readFileSync(`${import.meta.dirname}/../../docs/${name}.md`, 'utf8')

const actor = { role: 'customer', id: 'ada' }

test('the next release of the page takes over from the first one, which goes on beside it', async () => {
  const [write, read] = await Promise.all([freshDatabase(), freshDatabase()])
  const admin = new Client({ connectionString: write.url })
  await admin.connect()
  await admin.query(/create table [^`]*\)/.exec(pageOf('start'))![0])
  const options: StartOptions = {
    write: postgres({ url: write.url, onWarning: () => undefined }),
    stores: { balance: postgresTables({ url: read.url }) },
  }
  const first = await start(bank, options)
  const project = pageProject({ ...filesOf(pageOf('operations')), ...filesOf(pageOf('evolve')) })
  const env = { WRITE_DATABASE_URL: write.url, READ_DATABASE_URL: read.url }
  const documents = async () => {
    const reader = new Client({ connectionString: read.url })
    await reader.connect()
    const { rows } = await reader.query(
      'select balance_minor, deposits from tailrace_read.balance_v2',
    )
    await reader.end()
    return rows
  }
  try {
    const accountId = crypto.randomUUID()
    await first.engine.command('openAccount', { accountId, owner: 'ada' }, { actor })
    for (const amountMinor of [100, 50])
      await first.engine.command('deposit', { accountId, amountMinor }, { actor })
    await expect
      .poll(() => first.engine.query('balance', { accountId }, { actor }))
      .toMatchObject({
        data: { balanceMinor: 150 },
      })
    expect(await project.run('release-2.ts', env)).toBe('readers are on version 2\n')
    expect(await documents()).toEqual([{ balance_minor: '150', deposits: '2' }])
    // The release before still writes to its tables, and answers from its own version.
    const outcome = await first.engine.command('deposit', { accountId, amountMinor: 1 }, { actor })
    const tokens = outcome.kind === 'committed' ? [outcome.token] : []
    expect(await first.engine.query('balance', { accountId }, { actor, tokens })).toMatchObject({
      data: { balanceMinor: 151 },
    })
    // What the page says about a read model that goes.
    await first.stop()
    const sql = /^delete from tailrace_read\.\S+ where projection = 'balance'/m.exec(
      pageOf('evolve'),
    )![0]
    const reader = new Client({ connectionString: read.url })
    await reader.connect()
    await reader.query(sql)
    await reader.end()
    expect(await project.run('versions.ts', env, ['balance', 'drop-abandoned'])).toBe(
      'dropped [ 1, 2 ]\nbalance live undefined there []\n',
    )
    for (const [statement] of pageOf('evolve').matchAll(/^(select|delete) .* tailrace\.\w+ .*$/gm))
      await admin.query(statement)
  } finally {
    await first.stop()
    await admin.end()
    project.remove()
    await Promise.all([write.drop(), read.drop()])
  }
}, 120_000)
