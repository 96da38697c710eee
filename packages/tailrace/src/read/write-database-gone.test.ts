import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lmdb } from '@tailrace/lmdb'
import { postgres, postgresTables } from '@tailrace/postgres'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { start, type Running } from 'tailrace'
import type { QueryOutcome } from 'tailrace/adapter'
import { counterApp, counterTables } from '../../../../test/support/counter-app.ts'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { until } from '../../../../test/support/worker-rig.ts'

// A query never touches the write database: the process loses its way into it, and queries go on.

let write: FreshDatabase
let read: FreshDatabase
let folder: string
let admin: Client
let role: string
let running: Running

beforeAll(async () => {
  ;[write, read, folder] = await Promise.all([
    freshDatabase(),
    freshDatabase(),
    mkdtemp(join(tmpdir(), 'tailrace-gone-')),
  ])
  admin = new Client({ connectionString: write.url })
  await admin.connect()
  const url = new URL(write.url)
  role = `${url.pathname.slice(1)}_writer`
  url.username = role
  url.password = 'secret'
  await admin.query(`create role ${role} login password 'secret'`)
  await admin.query(`grant create on database ${url.pathname.slice(1)} to ${role}`)
  await admin.query(`${counterTables}; alter table counters owner to ${role}`)
  running = await start(counterApp(), {
    write: postgres({ url: url.href, onWarning: () => undefined }),
    stores: { totals: lmdb({ path: folder }), 'total-tables': postgresTables({ url: read.url }) },
    onProblem: () => undefined,
  })
})

afterAll(async () => {
  await admin?.query(`alter role ${role} login`).catch(() => undefined)
  await running?.stop()
  await admin?.query(`drop owned by ${role} cascade; drop role ${role}`).catch(() => undefined)
  await admin?.end()
  await write?.drop()
  await read?.drop()
  await rm(folder, { recursive: true, force: true })
})

/** Ends all sessions, also one that was about to begin when the role lost its login. */
async function cutOff(): Promise<void> {
  await admin.query(`alter role ${role} nologin`)
  await until(async () => {
    const { rows } = await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`,
    )
    return rows.length === 0 ? true : undefined
  }, 'no session to be left')
}

async function ask(
  name: string,
  options: object = {},
): Promise<Extract<QueryOutcome, { kind: 'answer' }>> {
  const outcome = await running.engine.query(name, { id: 'a' }, options)
  if (outcome.kind !== 'answer')
    throw new Error(`expected an answer, got ${JSON.stringify(outcome)}`)
  return outcome
}

const queries = ['total', 'totalFromTables', 'bothTotals']

test('queries answer without the write database, say that they are stale, and recover with it', async () => {
  const written = await running.engine.command('add', { id: 'a', by: 5 })
  if (written.kind !== 'committed') throw new Error('expected a commit')
  const tokens: string[] = []
  for (const name of queries)
    tokens.push((await ask(name, { tokens: [written.token], waitMs: 5_000 })).token)

  await cutOff()
  await expect(running.engine.command('add', { id: 'a', by: 1 })).rejects.toMatchObject({
    code: expect.stringMatching(/UNAVAILABLE|COMMAND_OUTCOME_UNKNOWN/),
  })
  const { rows } = await admin.query(
    `select count(*)::int as sessions from pg_stat_activity where usename = '${role}'`,
  )
  expect(rows[0].sessions).toBe(0)
  const silent = await until(async () => {
    const { meta } = await ask('bothTotals')
    return meta.stale && meta.notice !== undefined ? meta : undefined
  }, 'answers to be said to be stale')
  for (const [i, name] of queries.entries()) {
    // Its own token, and the command's, which was resolved before.
    const { data, meta, waitedMs } = await ask(name, { tokens: [tokens[i], written.token] })
    expect(JSON.stringify(data)).toContain('"total":5')
    expect(meta).toMatchObject({
      stale: true,
      notice: expect.stringMatching(/^results may be delayed, as of \d\d:\d\d:\d\d$/),
    })
    expect(waitedMs).toBeLessThan(1_000)
  }
  const later = await until(async () => {
    const { meta } = await ask('bothTotals')
    return meta.lagMs > silent.lagMs ? meta : undefined
  }, 'the lag to grow')
  expect(later.asOf).toBe(silent.asOf)
  const strictly = await running.engine.query(
    'total',
    { id: 'a' },
    { consistency: 'strict', waitMs: 100 },
  )
  expect(strictly).toMatchObject({ kind: 'refused', code: 'NOT_CAUGHT_UP' })
  expect((await running.engine.status()).head.sequencer).toBe('unknown')

  await admin.query(`alter role ${role} login`)
  const again = await until(async () => {
    const outcome = await running.engine.command('add', { id: 'a', by: 1 }).catch(() => undefined)
    return outcome?.kind === 'committed' ? outcome : undefined
  }, 'commands to be taken again')
  await until(async () => {
    const { data, meta } = await ask('bothTotals', { tokens: [again.token], waitMs: 5_000 })
    return !meta.stale && JSON.stringify(data).includes('"total":5') === false
  }, 'answers to be fresh again')
})
