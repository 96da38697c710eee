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
import { turn } from '../../test/drive.ts'

// Commands and queries through the real engine, on PostgreSQL, PostgreSQL tables and LMDB.

let write: FreshDatabase
let read: FreshDatabase
let folder: string
let running: Running

beforeAll(async () => {
  ;[write, read, folder] = await Promise.all([
    freshDatabase(),
    freshDatabase(),
    mkdtemp(join(tmpdir(), 'tailrace-read-')),
  ])
  const client = new Client({ connectionString: write.url })
  await client.connect()
  await client.query(counterTables)
  await client.end()
  running = await start(counterApp(), {
    write: postgres({ url: write.url }),
    stores: { totals: lmdb({ path: folder }), 'total-tables': postgresTables({ url: read.url }) },
  })
})

afterAll(async () => {
  await running?.stop()
  await write?.drop()
  await read?.drop()
  await rm(folder, { recursive: true, force: true })
})

type Answer = Extract<QueryOutcome, { kind: 'answer' }>

async function add(
  id: string,
  by = 1,
): Promise<{ token: string; commandId: string; version: number }> {
  const outcome = await running.engine.command('add', { id, by })
  if (outcome.kind !== 'committed')
    throw new Error(`expected a commit, got ${JSON.stringify(outcome)}`)
  return outcome
}

async function ask(
  name: string,
  id: string,
  tokens: readonly string[] = [],
  options: object = {},
): Promise<Answer> {
  const outcome = await running.engine.query(name, { id }, { tokens, waitMs: 5_000, ...options })
  if (outcome.kind !== 'answer')
    throw new Error(`expected an answer, got ${JSON.stringify(outcome)}`)
  return outcome
}

test.each(['total', 'totalFromTables'])(
  '%s sees every write of its own, at the version that it wrote',
  async (name) => {
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      const id = `${name}-${writer}`
      for (let n = 1; n <= 25; n++) {
        const { token } = await add(id)
        const { data } = await ask(name, id, [token])
        expect(data).toMatchObject({ total: n, version: n })
      }
    })
    await Promise.all(writers)
  },
)

test('a reader that carries its last token never goes back', async () => {
  const id = 'monotonic'
  let done = false
  const writing = (async () => {
    for (let n = 0; n < 60; n++) await add(id)
    done = true
  })()
  let last = 0
  let token: string[] = []
  while (!done) {
    const answer = await ask(last % 2 === 0 ? 'total' : 'totalFromTables', id, token)
    const seen = (answer.data as { total: number } | null)?.total ?? 0
    expect(seen).toBeGreaterThanOrEqual(last)
    last = seen
    token = [answer.token]
    // A key-value read is over within one turn: others must get theirs.
    await turn()
  }
  await writing
})

test('the position of an answer of one read model is exactly that of its data', async () => {
  // One stream alone moves: the position of its events tells which of them an answer must hold.
  const id = 'exact'
  const positions: bigint[] = []
  const writing = (async () => {
    for (let n = 1; n <= 40; n++) {
      const { commandId } = await add(id)
      const status = await until(async () => {
        const found = await running.engine.commandStatus(commandId)
        return found?.position === undefined ? undefined : found
      }, 'the command to be sequenced')
      positions[n] = BigInt(status.position!)
    }
  })()
  let over = false
  void writing.finally(() => (over = true))
  const answers: Answer[] = []
  while (!over) answers.push(await ask('total', id), await ask('totalFromTables', id))
  await writing
  for (const { data, meta } of answers) {
    const held = positions.filter(
      (position) => position !== undefined && position <= BigInt(meta.position),
    ).length
    expect((data as { total: number } | null)?.total ?? 0).toBe(held)
  }
  expect(new Set(answers.map(({ meta }) => meta.position)).size).toBeGreaterThan(3)
})

test('a strict query holds whatever was committed before it', async () => {
  for (let n = 1; n <= 10; n++) {
    await add('strict')
    const { data } = await ask('bothTotals', 'strict', [], { consistency: 'strict' })
    expect(data).toMatchObject({ totals: { total: n }, tables: { total: n } })
  }
})

test('a command tells when each read model has it', async () => {
  const { commandId } = await add('told')
  const status = await until(async () => {
    const found = await running.engine.commandStatus(commandId)
    return Object.values(found!.projections).every((one) => one === 'applied') ? found : undefined
  }, 'both read models to have the command')
  expect(status).toMatchObject({
    state: 'committed',
    projections: { totals: 'applied', 'total-tables': 'applied' },
  })
  const { data } = await ask('bothTotals', 'told')
  expect(data).toMatchObject({ totals: { total: 1 }, tables: { total: 1 } })
})

test('a caught-up system is live, owned and without lag', async () => {
  await add('calm')
  const status = await until(async () => {
    const found = await running.engine.status()
    const list = Object.values(found.projections)
    return found.head.sequencer === 'active' &&
      list.every((one) => one.state === 'live' && one.lagMs === 0)
      ? found
      : undefined
  }, 'every projection to be live without lag')
  expect(status.projections).toMatchObject({
    totals: {
      store: 'lmdb',
      position: status.head.position,
      lagEvents: 0,
      owners: [expect.any(String)],
    },
    'total-tables': { store: 'postgres', position: status.head.position },
  })
  const metrics = running.engine.metrics()
  expect(metrics).toContain(`cqrs_log_head_position ${status.head.position}\n`)
  // Every event of this file became visible in both read models, and was measured there.
  for (const projection of ['totals', 'total-tables'])
    expect(metrics).toContain(
      `cqrs_commit_to_visible_seconds_count{projection="${projection}"} ${status.head.position}\n`,
    )
})
