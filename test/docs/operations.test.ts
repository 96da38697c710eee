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
    expect(await run('given-up.ts')).toBe('')
    const eventId = await giveUp(write.url, 'letters')
    expect(await run('given-up.ts', 'letters')).toMatch(
      new RegExp(`^20\\d\\d-\\S+Z 1n \\{\\s+eventId: '${eventId}',[^}]*type: 'AccountOpened'`),
    )
    expect(await run('given-up.ts', 'letters', 'repeat', eventId)).toBe('to repeat 1\n')
    expect(await run('given-up.ts', 'letters', 'repeat')).toBe('to repeat 0\n')
    expect(await run('given-up.ts', 'letters', 'skip', eventId)).toBe('skipped 1\n')
    expect(await run('given-up.ts', 'letters')).toBe('')
    expect(await run('versions.ts')).toBe('balance live 1 there [ 1 ]\n')
    expect(await run('verify.ts')).toMatch(/\{ runs: 7, events: 1, documents: \d+ \}/)
    expect(await run('history.ts')).toMatch(/epoch: 2 \}/)
  } finally {
    await running.stop()
    project.remove()
    await Promise.all([write.drop(), read.drop()])
  }
}, 120_000)

/** As a reactor does after its last attempt, with the first event of the log. */
async function giveUp(url: string, reactor: string): Promise<string> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(
    `insert into tailrace.reactor_ledger (reactor, event_id, outcome, error)
     select $1, command_id || '/' || ordinal, 'failed', 'the printer is out of paper' from tailrace.event_log
     order by id limit 1 returning event_id`,
    [reactor],
  )
  await client.end()
  return rows[0].event_id
}
