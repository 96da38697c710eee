import { readFileSync } from 'node:fs'
import { postgres, postgresTables } from '@tailrace/postgres'
import { Client } from 'pg'
import { start } from 'tailrace'
import { expect, test } from 'vitest'
import { freshDatabase } from '../support/postgres.ts'
import { bank } from './first-application.ts'
import { filesOf, pageProject } from './page-project.ts'

const pageOf = (name: string): string =>
  readFileSync(`${import.meta.dirname}/../../docs/${name}.md`, 'utf8')

test('the scripts of the page run beside the bank', async () => {
  const [write, read] = await Promise.all([freshDatabase(), freshDatabase()])
  const admin = new Client({ connectionString: write.url })
  await admin.connect()
  await admin.query(/create table [^`]*\)/.exec(pageOf('start'))![0])
  await admin.end()
  const running = await start(bank, {
    write: postgres({ url: write.url, onWarning: () => undefined }),
    stores: { balance: postgresTables({ url: read.url }) },
  })
  const project = pageProject({ ...filesOf(pageOf('start')), ...filesOf(pageOf('operations')) })
  const run = (file: string, ...args: string[]): Promise<string> =>
    project.run(file, { WRITE_DATABASE_URL: write.url, READ_DATABASE_URL: read.url }, args)
  try {
    const actor = { role: 'customer', id: 'ada' }
    const accountId = crypto.randomUUID()
    const opened = await running.engine.command(
      'openAccount',
      { accountId, owner: 'ada' },
      { actor },
    )
    const tokens = opened.kind === 'committed' ? [opened.token] : []
    expect(await running.engine.query('balance', { accountId }, { actor, tokens })).toMatchObject({
      data: { balanceMinor: 0 },
    })
    expect(await run('parked.ts')).toBe('')
    expect(await run('versions.ts')).toBe('balance live 1 there [ 1 ]\n')
    expect(await run('verify.ts')).toMatch(/\{ runs: 7, events: 1, documents: \d+ \}/)
    expect(await run('history.ts')).toMatch(/epoch: 2 \}/)
  } finally {
    await running.stop()
    project.remove()
    await Promise.all([write.drop(), read.drop()])
  }
}, 120_000)
